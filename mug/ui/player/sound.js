// Fetching the song.

/** A sound that could not be fetched; the message is part of a sentence. */
export class SoundError extends Error {}

/** The bytes behind a URL. */
export async function fetchSound(url, t) {
  let answer;
  try {
    answer = await fetch(url);
  } catch (error) {
    throw new SoundError(t("unreachable", { status: error.message }), { cause: error });
  }
  if (!answer.ok) throw new SoundError(t("unreachable", { status: answer.status }));
  return answer.arrayBuffer();
}
