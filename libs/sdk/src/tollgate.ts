import { Http, type HttpOptions } from './http.js';
import { routesOf } from './routes.js';
import { textFunctions } from './text.js';

export interface TollgateOptions extends HttpOptions {
  /** Takes the lines of `generateTextWithLogging`. Default: the console. */
  log?: (line: string) => void;
}

/**
 * A client of one gateway, for Node 20 and newer and for browsers: a method for every route, in groups, and the functions of
 * the text-processing service's own SDK. Nothing has to be closed.
 *
 * Everything raises {@link TollgateError}, or the reason of an aborted signal.
 */
export function createTollgate(options: TollgateOptions) {
  const routes = routesOf(new Http(options));
  return { ...routes, ...textFunctions(routes, options.log) };
}

export type Tollgate = ReturnType<typeof createTollgate>;
