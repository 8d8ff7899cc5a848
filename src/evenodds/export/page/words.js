// The page's words. A language is the browser's own until the button says otherwise.
export const WORDS = {
  en: {
    other: "한국어", otherLang: "ko",
    what: (what, network) => `A generative adversarial network (${network}) makes ${what}.`,
    pictures: (w, h) => `pictures of ${w} × ${h} pixels`, table: "table rows",
    loading: "Loading the networks …", broken: why => `This page cannot run: ${why}`,
    draw: "What goes in", pen: "Pen", ink: "Ink", erase: "Erase", clear: "Clear", load: "Load a picture",
    made: "What comes out", save: "Save", steer: "Steer", seed: "Seed", another: "Another",
    rest: "Sliders to the middle", others: "Other seeds", seedOf: seed => `Seed ${seed}`,
    direction: place => `Direction ${place}`, missing: "missing",
    real: percent => `The judge says: ${percent} % real`, first: " (the first row)",
    paper: {
      outlines: "Draw outlines with the pointer", gray: "Load a picture or draw in grays", small: "Load a picture or draw",
      masked: "Load a picture, then paint the hole", pairs: "Load a picture or draw", unpaired: "Load a picture or draw",
    },
    stage: "The generated picture",
  },
  ko: {
    other: "English", otherLang: "en",
    what: (what, network) => `생성적 적대 신경망(${network})이 만드는 것: ${what}`,
    pictures: (w, h) => `${w} × ${h} 픽셀 그림`, table: "표의 행",
    loading: "신경망을 읽는 중 …", broken: why => `이 페이지를 돌릴 수 없습니다: ${why}`,
    draw: "넣는 그림", pen: "펜", ink: "색", erase: "지우개", clear: "모두 지우기", load: "그림 열기",
    made: "생성자가 만든 것", save: "저장", steer: "조종", seed: "시드", another: "다른 것",
    rest: "막대를 가운데로", others: "다른 시드", seedOf: seed => `시드 ${seed}`,
    direction: place => `방향 ${place}`, missing: "없음",
    real: percent => `감정인의 말: ${percent} % 진짜`, first: " (첫 행)",
    paper: {
      outlines: "윤곽선을 그려 보세요", gray: "그림을 열거나 회색으로 그려 보세요", small: "그림을 열거나 그려 보세요",
      masked: "그림을 열고 구멍을 칠해 보세요", pairs: "그림을 열거나 그려 보세요", unpaired: "그림을 열거나 그려 보세요",
    },
    stage: "생성된 그림",
  },
};

export function language() {
  return (navigator.language || "en").toLowerCase().startsWith("ko") ? "ko" : "en";
}
