// Draws a view into the page again whenever what it read has changed, once a frame at most.
import { effect } from '../vendor/signals-core/signals-core.js';
import { render } from '../vendor/lit-html/lit-html.js';

let drawNow = () => {};
/** Draws at once what has changed: the next key may be for it. */
export const flush = () => drawNow();

/**
 * @param {HTMLElement} root
 * @param {() => unknown} view
 */
export function mount(root, view) {
  let stop = () => {};
  let isQueued = false;
  const draw = () => {
    isQueued = false;
    stop();
    let isFirst = true;
    stop = effect(() => {
      if (isFirst) {
        isFirst = false;
        render(view(), root);
      } else if (!isQueued) {
        isQueued = true;
        requestAnimationFrame(draw);
      }
    });
  };
  drawNow = () => {
    if (isQueued) draw();
  };
  draw();
}
