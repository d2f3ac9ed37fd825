import { Counter } from 'prom-client';

export const metrics = {
  verdicts: new Counter({
    name: 'tollgate_llm_schema_verdicts_total',
    help: 'Schemas and answers that were checked; too_costly ones took their thread with them',
    labelNames: ['verdict'],
  }),
  answers: new Counter({
    name: 'tollgate_llm_structured_answers_total',
    help: 'Answers that were to be JSON, by how often the model was asked again and how it ended',
    labelNames: ['asked_again', 'outcome'],
  }),
};
