// Draws a view into the page again whenever what it read has changed, once a frame at most.
import { effect } from '../vendor/signals-core/signals-core.js';
import { render } from '../vendor/lit-html/lit-html.js';

let drawNow = () => {};
/** Draws at once what has changed: the next key may be for it. */
export const flush = () => drawNow();

/** A page that was drawn by half is drawn from nothing the next time. @param {any} root @param {unknown} error */
function fresh(root, error) {
  delete root._$litPart$;
  root.replaceChildren(String(error));
}

/**
 * @param {HTMLElement} root
 * @param {() => unknown} view
 */
export function mount(root, view) {
  let stop = () => {};
  let isQueued = false;
  let isBroken = false;
  const draw = () => {
    isQueued = false;
    stop();
    let isFirst = true;
    stop = effect(() => {
      if (isFirst) {
        isFirst = false;
        // What throws here would end the drawing for good: it is told, and the next change draws again.
        try {
          const page = view();
          if (isBroken) root.replaceChildren();
          isBroken = false;
          render(page, root);
        } catch (error) {
          console.error(error);
          fresh(root, error);
          isBroken = true;
        }
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
