/** The fault `config`: the route of a domain changes to another host while mail for it is on its way. */
import type { Arena } from '../arena.ts';
import { movedFile, movedManifest } from '../manifests.ts';

/** Rewrites the manifest; the platform applies it within a second or two. */
export async function changeConfiguration(arena: Arena): Promise<void> {
  const port = arena.random.pick(arena.ports.moved);
  await arena.platform.writeManifest(movedFile, movedManifest(port));
  arena.note(`config: moved.test goes to port ${port}`);
}
