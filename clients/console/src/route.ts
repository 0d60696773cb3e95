// The view that the address names: `#/calls/pbx1-17` is the prompt of a call. Numbers and names never stand in it.
import { useLayoutEffect, useState } from "preact/hooks";

export interface Route {
  readonly view: string;
  /** The id of a call; empty without one. */
  readonly id: string;
  /** Whether the address names no view. */
  readonly isHome: boolean;
}

function routeOf(hash: string): Route {
  const [view = "", ...rest] = hash.replace(/^#\/?/, "").split("/");
  try {
    return { view: view || "now", id: decodeURIComponent(rest.join("/")), isHome: !view };
  } catch {
    return { view: "now", id: "", isHome: true }; // a damaged escape
  }
}

export const address = (view: string, id = ""): string => `#/${view}${id && `/${encodeURIComponent(id)}`}`;

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  // A layout effect, so that it listens before another message of the page around can change the address.
  useLayoutEffect(() => {
    const follow = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
