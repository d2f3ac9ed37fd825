import type { TextPart, TextTask } from '@tollgate/contracts';
import type { Answer, AnswerPart } from './text-job.js';

export interface Identity {
  request_id: string;
  task: TextTask;
  user_id: string;
}

interface Counts {
  refinement_count?: number;
  regeneration_count?: number;
}

/** The parts of an answer as a client reads them. `keep` has run before the client hears of the end. */
export async function* relay(
  parts: AsyncIterable<AnswerPart>,
  identity: Identity,
  keep: (answer: Answer) => Promise<Counts>,
): AsyncGenerator<TextPart, void> {
  let output = '';
  for await (const part of parts) {
    switch (part.type) {
      case 'start':
        yield { ...part, ...identity };
        break;
      case 'progress':
        yield part;
        break;
      case 'delta':
        output += part.delta;
        yield part;
        break;
      case 'end': {
        const { type, ...end } = part;
        const counts = await keep({ ...end, output });
        yield { type, ...identity, ...end, ...counts };
        break;
      }
      default:
        part satisfies never;
    }
  }
}
