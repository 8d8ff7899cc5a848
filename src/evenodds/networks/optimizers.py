"""Adam and AdamW that start without torch's compiler."""

from __future__ import annotations

from inspect import unwrap

import torch


class Eager(torch.optim.Optimizer):
    """An optimizer whose methods are not guarded against torch.compile.

    The guards import the compiler at the first call, which takes longer than importing torch itself. Nothing here
    compiles an optimizer, so the functions that the guards wrap are called directly.
    """

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)


class Adam(Eager, torch.optim.Adam):
    """Adam (Kingma and Ba 2014, 1412.6980)."""

    # Its guard is also what turns gradients off.
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


class AdamW(Eager, torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2017, 1711.05101)."""

    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))
