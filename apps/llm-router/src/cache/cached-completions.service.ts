import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheOutcome, Completion, CompletionPart, CompletionRequest } from '@tollgate/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { Catalogue } from '../catalogue/catalogue.service.js';
import type { CompletionContext } from '../completions/completion-context.js';
import { PartCollector, partsOf } from '../completions/completion-parts.js';
import { StructuredCompletions } from '../structured-output/structured-completions.service.js';
import { entryKeyOf, promptHashOf } from './cache-key.js';
import { mayKeep, mayUseCache } from './cacheable.js';
import { HitLedger } from './hit-ledger.js';
import { CACHE_OPTIONS, LEASE_MS, ResponseCache, type CacheOptions } from './response-cache.js';
import { SharedRun } from './shared-run.js';

/** How often a replica looks whether another one has the answer: soon at first, then less often. */
const POLL_MS = 25;
const POLL_MAX_MS = 250;

/** A whole answer may fall back in the middle and a stream may not, so they do not share a call while it runs. */
type Mode = 'whole' | 'stream';

/** What is asked for under one key, by any number of requests at once. */
interface Asked {
  request: CompletionRequest;
  entry: string;
  model: string;
  mode: Mode;
  /** Of the request that came first, with a deadline that moves as others join. */
  context: CompletionContext;
}

/**
 * Completions with the response cache before them.
 *
 * Identical requests of an account share one provider call: in this process by reading along, over processes by waiting
 * for what the one that leads keeps. A leader that dies is followed by the next when its lease lapses. Who leaves does
 * not disturb the others. Without the cache every process asks for itself.
 */
@Injectable()
export class CachedCompletions {
  private readonly runs = new Map<
    string,
    { run: SharedRun<CompletionPart>; join: (context: CompletionContext) => void }
  >();

  constructor(
    private readonly completions: StructuredCompletions,
    private readonly catalogue: Catalogue,
    private readonly cache: ResponseCache,
    private readonly hits: HitLedger,
    @Inject(CACHE_OPTIONS) private readonly options: CacheOptions,
  ) {}

  async complete(request: CompletionRequest, context: CompletionContext): Promise<Completion> {
    if (!mayUseCache(request, this.options.temperatureMax)) {
      return { ...(await this.completions.complete(request, context)), ...bypassReport(request) };
    }
    const collector = new PartCollector();
    for await (const part of this.share(request, context, 'whole')) {
      const whole = collector.add(part);
      if (whole) return whole;
    }
    throw new Error('a completion ended without an end');
  }

  async *stream(request: CompletionRequest, context: CompletionContext): AsyncGenerator<CompletionPart, void> {
    if (mayUseCache(request, this.options.temperatureMax)) return yield* this.share(request, context, 'stream');
    const report = bypassReport(request);
    for await (const part of this.completions.stream(request, context)) {
      yield part.type === 'start' || part.type === 'end' ? { ...part, ...report } : part;
    }
  }

  /** Raises `model_not_found`, `model_not_allowed` or `no_model_available` before it looks for an answer. */
  private async *share(
    request: CompletionRequest,
    context: CompletionContext,
    mode: Mode,
  ): AsyncGenerator<CompletionPart, void> {
    const startedAt = new Date();
    const { account_id: accountId, tier } = context.caller;
    const { model, provider } = this.catalogue.choose(tier, request.model);
    const entry = entryKeyOf({ request, accountId, tier, model: `${provider}/${model}` });
    const joined = this.runs.get(`${mode} ${entry}`);
    joined?.join(context);
    const run = joined?.run ?? this.begin({ request, entry, model, mode, context });
    const promptHash = promptHashOf(request.messages);
    const collector = new PartCollector();

    for await (const part of run.read(context.signal)) {
      const whole = collector.add(part);
      if (part.type !== 'start' && part.type !== 'end') {
        yield part;
        continue;
      }
      const seen = part.cache?.outcome ?? 'miss';
      const outcome = seen === 'miss' && joined ? 'shared' : seen;
      const cache = { outcome, prompt_hash: promptHash };
      if (!whole) yield { ...part, cache };
      else yield await this.ended({ ...part, cache }, whole, outcome, { request, context, startedAt });
    }
  }

  /** Who did not ask a provider has a row of its own, that costs nothing. */
  private async ended<End extends CompletionPart>(
    end: End,
    whole: Completion,
    outcome: CacheOutcome,
    { request, context, startedAt }: { request: CompletionRequest; context: CompletionContext; startedAt: Date },
  ): Promise<End> {
    if (outcome !== 'bypass') this.cache.count(outcome);
    if (outcome === 'miss') return end;
    await this.hits.record(request.task, whole, context, startedAt);
    return { ...end, attempts: 0 };
  }

  private begin(asked: Asked): SharedRun<CompletionPart> {
    const key = `${asked.mode} ${asked.entry}`;
    let { deadlineAt } = asked.context;
    const { messageId, requestId, caller } = asked.context;
    const run = new SharedRun<CompletionPart>(
      (signal) => {
        const context = {
          messageId,
          requestId,
          caller,
          signal,
          get deadlineAt() {
            return deadlineAt;
          },
        };
        return this.answer({ ...asked, context });
      },
      () => this.runs.delete(key),
    );
    this.runs.set(key, { run, join: (context) => (deadlineAt = Math.max(deadlineAt, context.deadlineAt)) });
    return run;
  }

  private async *answer(asked: Asked): AsyncGenerator<CompletionPart, void> {
    const { entry, context } = asked;
    const token = randomUUID();
    let pollMs = 0;
    for (;;) {
      const found = await this.cache.lookUp(entry, token);
      switch (found.state) {
        case 'hit':
          return yield* answerParts(found.answer, pollMs === 0 ? 'hit' : 'shared');
        case 'lead':
          return yield* this.lead(asked, token, found.generation);
        case 'away':
          return yield* this.ask(asked);
        case 'wait':
          pollMs = pollMs === 0 ? POLL_MS : Math.min(pollMs * 1.5, POLL_MAX_MS);
          await sleep(pollMs, undefined, { signal: context.signal });
          break;
        default:
          return found satisfies never;
      }
    }
  }

  private async *lead(asked: Asked, token: string, generation: string): AsyncGenerator<CompletionPart, void> {
    const { entry, model } = asked;
    const collector = new PartCollector();
    const renewal = setInterval(() => void this.cache.renew(entry, token), LEASE_MS / 3);
    let isLeading = true;
    try {
      for await (const part of this.ask(asked)) {
        const whole = collector.add(part);
        if (whole && mayKeep(whole, model)) {
          // Before the end is handed out: whoever asks again after it gets a hit.
          await this.cache.keep(entry, token, generation, whole);
          isLeading = false;
        }
        yield part;
      }
    } finally {
      clearInterval(renewal);
      if (isLeading) await this.cache.release(entry, token);
    }
  }

  private async *ask({ mode, request, context }: Asked): AsyncGenerator<CompletionPart, void> {
    if (mode === 'stream') yield* this.completions.stream(request, context);
    else yield* partsOf(await this.completions.complete(request, context));
  }
}

function answerParts(answer: Completion, outcome: CacheOutcome): Iterable<CompletionPart> {
  return partsOf({ ...answer, cache: { outcome, prompt_hash: '' } });
}

/** Only for requests that say something of the cache: the others do not ask. */
function bypassReport({ cache, messages }: CompletionRequest): Pick<Completion, 'cache'> {
  return cache ? { cache: { outcome: 'bypass', prompt_hash: promptHashOf(messages) } } : {};
}
