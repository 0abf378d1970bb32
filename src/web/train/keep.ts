import type { TrainedState } from "../../browser.ts";

/** A training that is kept between visits: its state, and the activations it goes on with. */
export interface KeptTraining extends Omit<TrainedState, "metrics"> {
  /** What the SAE will be called; the key. */
  readonly name: string;
  readonly dataName: string;
  readonly data: Blob;
  readonly labels?: string | undefined;
}

/** An SAE that was trained here. */
export interface KeptModel {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Stores {
  readonly trainings: KeptTraining;
  readonly models: KeptModel;
}

const why = (error: unknown): Error =>
  new Error(
    `the browser keeps nothing of this (${error instanceof Error ? error.message : String(error)}); download the checkpoint before you leave`,
  );

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("sae-onnx", 1);
    request.onupgradeneeded = () => {
      for (const name of ["trainings", "models"]) request.result.createObjectStore(name, { keyPath: "name" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds it"));
  });
}

/** Does something with a store and ends when it is on the disk. @throws where storage is full or refused, saying what to do. */
async function within<T>(
  name: keyof Stores,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  try {
    const database = await opened();
    try {
      const transaction = database.transaction(name, mode);
      const request = work(transaction.objectStore(name));
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? request.error);
        transaction.onerror = () => reject(transaction.error ?? request.error);
      });
      return request.result;
    } finally {
      database.close();
    }
  } catch (error) {
    throw why(error);
  }
}

export const keep = async <N extends keyof Stores>(store: N, value: Stores[N]): Promise<void> =>
  void (await within(store, "readwrite", (one) => one.put(value)));
export const forget = async (store: keyof Stores, name: string): Promise<void> =>
  void (await within(store, "readwrite", (one) => one.delete(name)));
/** All that is kept; nothing where the browser keeps nothing. */
export const kept = <N extends keyof Stores>(store: N): Promise<readonly Stores[N][]> =>
  within(store, "readonly", (one) => one.getAll() as IDBRequest<Stores[N][]>).catch(() => []);

/**
 * Takes a training for this tab, until what comes back is called; `undefined` where another tab has it. A browser without locks gives it
 * to all.
 */
export async function own(name: string): Promise<(() => void) | undefined> {
  if (!("locks" in navigator)) return () => {};
  return new Promise((resolve) => {
    void navigator.locks.request(`sae-onnx training ${name}`, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve(undefined);
      return new Promise<void>((release) => resolve(release));
    });
  });
}
