// A table of any number of rows. Only the rows in sight are in the document.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

const OVERSCAN = 8;

export interface RowsProps<T> {
  readonly label: string;
  readonly rows: readonly T[];
  /** The height of each row, in CSS pixels. */
  readonly height: number;
  readonly keyOf: (row: T) => string;
  readonly columns: readonly string[];
  readonly cells: (row: T) => readonly ComponentChildren[];
  /** Called when the end of the rows comes into sight. */
  readonly onEnd: () => void;
  /** Whether there are rows beyond these. */
  readonly hasMore: boolean;
}

export function Rows<T>({ label, rows, height, keyOf, columns, cells, onEnd, hasMore }: RowsProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, size: 600 });
  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setView({ top: element.scrollTop, size: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);
  const from = Math.max(0, Math.floor(view.top / height) - OVERSCAN);
  const to = Math.min(rows.length, Math.ceil((view.top + view.size) / height) + OVERSCAN);
  useLayoutEffect(() => {
    if (hasMore && to >= rows.length) onEnd();
  }, [to, rows.length, hasMore]);
  return (
    <div class="table" role="table" aria-label={label} aria-rowcount={hasMore ? -1 : rows.length + 1}>
      <div role="rowgroup" class="head">
        <div role="row" aria-rowindex={1} class="row">
          {columns.map((column) => (
            <span role="columnheader" key={column}>
              {column}
            </span>
          ))}
        </div>
      </div>
      <div class="body" role="rowgroup" ref={box}>
        <div role="presentation" style={{ height: `${rows.length * height}px` }}>
          <div role="presentation" style={{ transform: `translateY(${from * height}px)` }}>
            {rows.slice(from, to).map((row, index) => (
              <div role="row" class="row" key={keyOf(row)} aria-rowindex={from + index + 2} style={{ height: `${height}px` }}>
                {cells(row).map((cell, column) => (
                  <span role="cell" key={columns[column]}>
                    {cell}
                  </span>
                ))}
              </div>
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}
