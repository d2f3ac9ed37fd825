export { ConfigError, loadConfig, loadConfigOrExit, type Environment } from './load-config.js';
export {
  file,
  flag,
  httpVariables,
  integer,
  logVariables,
  outboundVariables,
  postgresVariables,
  redisVariables,
  replicaVariables,
  text,
  url,
} from './variables.js';
export { loadYamlFile } from './yaml-file.js';
