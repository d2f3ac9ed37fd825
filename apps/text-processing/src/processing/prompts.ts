import type { SummaryType, TextTask } from '@tollgate/contracts';

export interface PromptInput {
  text: string;
  task: TextTask;
  summaryType: SummaryType;
  targetLanguage?: string | undefined;
  /** Only when an answer is made anew: what the user wants to be different. */
  userFeedback?: string | undefined;
}

interface Template {
  role: string;
  rules: string[];
  task: string;
  outputLabel: string;
}

const onlyTheText = 'Use ONLY the information present in the text';

const summaryTasks: Record<SummaryType, string> = {
  brief: 'Generate a brief summary that captures the core idea and key outcome.\nExclude minor or repetitive details.',
  detailed:
    'Generate a detailed summary that covers all key points, their context and the outcome.\nKeep the order of the text.',
  bulletwise:
    'Generate a summary as a list of bullet points.\nWrite one key point per bullet and start each one with "- ".',
};

/**
 * The prompt of a task: RULES, TASK, ADDITIONAL USER INSTRUCTIONS (when there are any), TEXT, OUTPUT, in the order and
 * words that clients of the text-processing service know.
 */
export function buildPrompt(input: PromptInput): string {
  return fillIn(templateOf(input), input.text, input.userFeedback);
}

const refinement: Template = {
  role: 'text refinement',
  rules: [
    'Change ONLY what the user instructions ask for',
    'Do NOT add facts that the text does not state',
    'Preserve everything else, including language and format',
  ],
  task: 'Apply the user instructions to the text.',
  outputLabel: 'Refined Text',
};

/** The prompt that changes a result, whatever task it came from: the original text is not needed. */
export function buildRefinementPrompt(currentResult: string, userFeedback: string): string {
  return fillIn(refinement, currentResult, userFeedback);
}

function fillIn({ role, rules, task, outputLabel }: Template, text: string, userFeedback?: string): string {
  const sections = [
    `You are a ${role} system.`,
    `RULES:\n${rules.map((rule) => `- ${rule}`).join('\n')}`,
    `TASK:\n${task}`,
    ...(userFeedback ? [`ADDITIONAL USER INSTRUCTIONS:\n${userFeedback}`] : []),
    `TEXT:\n${text}`,
    `OUTPUT:\n${outputLabel}:`,
  ];
  return sections.join('\n\n');
}

function templateOf({ task, summaryType, targetLanguage }: PromptInput): Template {
  switch (task) {
    case 'summary':
      return {
        role: 'summarization',
        rules: [onlyTheText, 'Do NOT assume, infer, or add anything not stated', 'Preserve factual accuracy'],
        task: summaryTasks[summaryType],
        outputLabel: 'Summary',
      };
    case 'translate':
      return {
        role: 'translation',
        rules: [onlyTheText, 'Do NOT add, omit, or explain content', 'Preserve meaning, tone, and factual accuracy'],
        task: `Translate the text into ${targetLanguage}.`,
        outputLabel: 'Translated Text',
      };
    case 'rephrase':
      return {
        role: 'rephrasing',
        rules: [onlyTheText, 'Do NOT add, omit, or explain content', 'Preserve meaning, tone, and factual accuracy'],
        task: 'Rephrase the text in clear, natural wording.\nKeep its language and about its length.',
        outputLabel: 'Rephrased Text',
      };
    case 'remove_repetitions':
      return {
        role: 'text cleanup',
        rules: [onlyTheText, 'Do NOT add or explain content', 'Preserve meaning, order, and factual accuracy'],
        task: 'Remove repeated statements and redundant wording from the text.\nKeep everything that is said only once.',
        outputLabel: 'Cleaned Text',
      };
    default:
      return task satisfies never;
  }
}
