"""What is told to the user, and never as a traceback."""


class UserError(Exception):
    """The user's input or flags are wrong.

    The message is one sentence that says what is wrong, where, and what to do. The command line prints
    it on stderr and exits 2; in Python it is raised as it is.
    """
