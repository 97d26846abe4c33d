/**
 * A binary heap of waiting jobs by due time. Entries are never removed from the middle: a job whose time changed is pushed
 * again and the old slot is skipped when it surfaces (its time no longer matches).
 */

/** Something with a due time that can change after it was pushed. */
export interface Due {
  nextMs: number;
}

interface Slot<Item> {
  readonly atMs: number;
  readonly item: Item;
}

/** The heap. */
export class DueHeap<Item extends Due> {
  readonly #slots: Slot<Item>[] = [];

  get size(): number {
    return this.#slots.length;
  }

  /** Adds the item under its present due time. */
  push(item: Item): void {
    const slots = this.#slots;
    let index = slots.length;
    const slot = { atMs: item.nextMs, item };
    slots.push(slot);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = slots[parent];
      if (above === undefined || above.atMs <= slot.atMs) break;
      slots[index] = above;
      index = parent;
    }
    slots[index] = slot;
  }

  /** Takes the item that is due first, if it is due at `nowMs` and its time has not changed since it was pushed. */
  popDue(nowMs: number): Item | undefined {
    for (;;) {
      const first = this.#slots[0];
      if (first === undefined || first.atMs > nowMs) return undefined;
      this.#removeFirst();
      if (first.item.nextMs === first.atMs) return first.item;
    }
  }

  #removeFirst(): void {
    const slots = this.#slots;
    const slot = slots.pop();
    if (slot === undefined || slots.length === 0) return;
    let index = 0;
    for (;;) {
      const child = this.#smallerChild(index);
      const below = slots[child];
      if (below === undefined || below.atMs >= slot.atMs) break;
      slots[index] = below;
      index = child;
    }
    slots[index] = slot;
  }

  #smallerChild(index: number): number {
    const left = this.#slots[2 * index + 1];
    const right = this.#slots[2 * index + 2];
    return right !== undefined && left !== undefined && right.atMs < left.atMs
      ? 2 * index + 2
      : 2 * index + 1;
  }
}
