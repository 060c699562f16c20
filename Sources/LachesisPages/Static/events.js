// The server's events, for as long as somebody looks: a browser opens few connections to one server, and a hidden page needs none.
import { one, query } from "./common.js";

const WORDS = { live: "live", opening: "connecting …", lost: "connection lost; trying again" };

/**
 * Listens to the status of batteries.
 * - names: those asked for; none for all.
 * - onStatus: told each status, which has the battery's `name`.
 * - onRemoved: told the name of a battery whose estimator was deleted, alone or with the battery.
 */
export function listen({ names = [], interval = 1, onStatus, onRemoved = () => {} }) {
  const address = `/online/events?${query([...names.map((name) => ["name", name]), ["interval", interval]])}`;
  const sign = one("#live");
  let source = null, retry = null;

  function show(state) {
    if (!sign) return;
    sign.hidden = false;
    sign.dataset.state = state;
    if (sign.textContent !== WORDS[state]) sign.textContent = WORDS[state];
  }

  function open() {
    clearTimeout(retry);
    if (source || document.hidden) return;
    show("opening");
    source = new EventSource(address);
    source.addEventListener("open", () => show("live"));
    source.addEventListener("status", (event) => onStatus(JSON.parse(event.data)));
    source.addEventListener("removed", (event) => onRemoved(JSON.parse(event.data).name));
    source.addEventListener("error", () => {
      show("lost");
      // The browser tries again by itself, unless the answer was no stream at all.
      if (source?.readyState === EventSource.CLOSED) {
        close();
        retry = setTimeout(open, 5000);
      }
    });
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}
