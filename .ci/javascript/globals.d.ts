// What the page's scripts add to the browser's own types.

interface Window {
  mugPage: {
    follow: boolean;
    state(): string;
    fillIn(tags: string, now: string[]): string[];
    showTempo(text: string): void;
    tempo(text: string): string;
  };
}

interface Element {
  player?: import("../../mug/ui/player/player.js").Player;
  bench?: import("../../mug/ui/player/bench.js").Bench;
}
