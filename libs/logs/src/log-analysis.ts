import { saysFailure } from './failure-signs.js';
import { scoreSessions, type ScoredSession } from './session-scores.js';
import { findAnomalies } from './find-anomalies.js';
import { findCorrelations } from './correlations.js';
import { groupErrors } from './error-groups.js';
import type { LogEvent } from './log-event.js';
import type { ParseTotals } from './log-parser.js';
import { LogObserver, type ObserverSnapshot } from './log-observer.js';
import { observe, type Observed } from './observe.js';
import type { LogReport } from './report.js';
import { reportedTemplate, spanOf, totalsByLevel } from './report-parts.js';
import { type MinerSnapshot, TemplateMiner } from './template-miner.js';
import { trendOf } from './trend.js';
import { windowsOf } from './windows.js';

/** Shapes are renamed, so that what is kept for them stays bounded, whenever this many new numbers were given. */
const renamedAfter = 40_000;
const placesMax = 20;

export interface AnalysisOptions {
  /** Templates listed in the report; all are counted. 500 unless told. */
  templatesMax?: number;
  /** 200 unless told. */
  errorGroupsMax?: number;
}

export interface AnalysisSnapshot {
  version: 1;
  miner: MinerSnapshot;
  observer: ObserverSnapshot;
  unreadableLines: number;
  cutLines: number;
}

/**
 * A whole log in one pass, in memory that grows with its templates. Feed events in the order of their lines; ask for the
 * report at any time. Parts of a log, each with the line numbers of the whole, are analysed apart and merged in order: the
 * report is that of one pass.
 */
export class LogAnalysis {
  private miner = new TemplateMiner();
  private observer = new LogObserver();
  private nextRename = renamedAfter;
  unreadableLines = 0;
  cutLines = 0;

  /** What the parser of the events says at its end. */
  addTotals({ unreadableLines, cutLines }: Pick<ParseTotals, 'unreadableLines' | 'cutLines'>): void {
    this.unreadableLines += unreadableLines;
    this.cutLines += cutLines;
  }

  add(event: LogEvent): void {
    const shape = this.miner.add(event);
    this.observer.add(event, shape);
    if (shape < this.nextRename) return;
    this.observer.renameShapes((seen) => this.miner.currentShape(seen));
    this.nextRename = shape + renamedAfter;
  }

  /** Adds the analysis of later lines of the same log. */
  merge(other: LogAnalysis): void {
    const shapes = this.miner.merge(other.miner);
    this.observer.merge(other.observer, (shape) => shapes.get(other.miner.currentShape(shape)) ?? 0);
    this.addTotals(other);
  }

  /** Plain JSON, for another process. */
  snapshot(): AnalysisSnapshot {
    const numbers = new Map(this.miner.shapeNumbers().map((shape, index) => [shape, index]));
    const shapeOf = (shape: number): number => numbers.get(this.miner.currentShape(shape)) ?? 0;
    const { unreadableLines, cutLines } = this;
    const observer = this.observer.snapshot(shapeOf);
    return { version: 1, miner: this.miner.snapshot(), observer, unreadableLines, cutLines };
  }

  static restore({ miner, observer, ...totals }: AnalysisSnapshot): LogAnalysis {
    const analysis = new LogAnalysis();
    analysis.miner = TemplateMiner.restore(miner);
    analysis.observer = LogObserver.restore(observer);
    analysis.addTotals(totals);
    return analysis;
  }

  report({ templatesMax = 500, errorGroupsMax = 200 }: AnalysisOptions = {}): LogReport {
    const observed = this.observe();
    const { observations, traces, samples } = observed;
    const groups = groupErrors(observations, traces);
    const grouped = groups.map((group) => ({
      group,
      ownTemplates: new Set(group.templateIds),
      occurrences: observed.occurrencesOf(group),
    }));
    const { events, eventsWithTime, components, hosts } = this.observer;
    return {
      lines: this.observer.lines,
      unreadableLines: this.unreadableLines,
      cutLines: this.cutLines,
      events,
      span: spanOf(observations),
      eventsWithTime,
      levels: totalsByLevel(observations),
      components: components.top(placesMax),
      hosts: hosts.top(placesMax),
      trend: trendOf(windowsOf(observations), observations.total),
      templateCount: observations.templates.length,
      templates: observations.templates
        .slice(0, templatesMax)
        .map((template) => reportedTemplate(observations, template, samples.get(template.template.id))),
      errorGroupCount: groups.length,
      errorGroups: groups
        .slice(0, errorGroupsMax)
        .map((group) => ({ ...group, sample: samples.get(group.templateIds[0] ?? '') })),
      anomalies: findAnomalies(observations),
      correlations: findCorrelations(observations, grouped),
    };
  }

  /** Units of work by how unusual they are; see `scoreSessions`. Each with its lines, for each kind of id in the log. */
  sessions(): { example: string; share: number; sessions: ScoredSession[] }[] {
    const { sessions, templates } = this.observe().observations;
    const failing = new Set(templates.flatMap(({ template }, index) => (saysFailure(template.text) ? [index] : [])));
    return sessions.map((kind) => ({
      example: kind.example,
      share: kind.share,
      sessions: scoreSessions(kind.sessions, (template) => failing.has(template)),
    }));
  }

  /** What was seen, by template. */
  observe(): Observed {
    return observe(this.observer, this.miner.templates());
  }
}
