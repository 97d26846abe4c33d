/**
 * A binary heap of waiting jobs by due time. Entries are never removed from the middle: a job whose time changed is pushed
 * again and the old slot is skipped when it surfaces (its time no longer matches).
 */

/** Something with a due time that can change after it was pushed. */
export interface Due {
  nextMs: number;
}

const firstSlots = 64;

/** The heap. Times lie beside the items and not in an object each: a large queue has a million of them. */
export class DueHeap<Item extends Due> {
  #times = new Float64Array(firstSlots);
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** Adds the item under its present due time. */
  push(item: Item): void {
    const atMs = item.nextMs;
    let index = this.#items.length;
    this.#items.push(item);
    if (index >= this.#times.length) this.#grow();
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#timeAt(parent) <= atMs) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#put(index, atMs, item);
  }

  /** Takes the item that is due first, if it is due at `nowMs` and its time has not changed since it was pushed. */
  popDue(nowMs: number): Item | undefined {
    for (;;) {
      const [first] = this.#items;
      const atMs = this.#timeAt(0);
      if (first === undefined || atMs > nowMs) return undefined;
      this.#removeFirst();
      if (first.nextMs === atMs) return first;
    }
  }

  #removeFirst(): void {
    const atMs = this.#timeAt(this.#items.length - 1);
    const item = this.#items.pop();
    if (item === undefined || this.#items.length === 0) return;
    let index = 0;
    for (;;) {
      const child = this.#smallerChild(index);
      if (child >= this.#items.length || this.#timeAt(child) >= atMs) break;
      this.#move(child, index);
      index = child;
    }
    this.#put(index, atMs, item);
  }

  #smallerChild(index: number): number {
    const left = 2 * index + 1;
    const right = left + 1;
    return right < this.#items.length && this.#timeAt(right) < this.#timeAt(left) ? right : left;
  }

  #timeAt(index: number): number {
    return this.#times[index] ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    const item = this.#items[from];
    if (item !== undefined) this.#put(to, this.#timeAt(from), item);
  }

  #put(index: number, atMs: number, item: Item): void {
    this.#times[index] = atMs;
    this.#items[index] = item;
  }

  #grow(): void {
    const larger = new Float64Array(this.#times.length * 2);
    larger.set(this.#times);
    this.#times = larger;
  }
}
