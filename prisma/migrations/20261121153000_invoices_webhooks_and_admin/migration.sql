-- CreateEnum
CREATE TYPE "overage_pricing" AS ENUM ('flat', 'list_price');

-- CreateEnum
CREATE TYPE "price_origin" AS ENUM ('file', 'admin');

-- CreateEnum
CREATE TYPE "invoice_status" AS ENUM ('draft', 'final');

-- CreateEnum
CREATE TYPE "invoice_component" AS ENUM ('fee', 'overage', 'refund', 'adjustment', 'credit_brought', 'credit_carried', 'rounding');

-- CreateEnum
CREATE TYPE "webhook_delivery_status" AS ENUM ('pending', 'delivered', 'given_up');

-- AlterTable
ALTER TABLE "account" ADD COLUMN     "name" TEXT,
ADD COLUMN     "suspended_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "app_user" ADD COLUMN     "disabled_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "plan" ADD COLUMN     "fee_micro_usd" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "overage_pricing" "overage_pricing" NOT NULL DEFAULT 'flat';

-- AlterTable
ALTER TABLE "price_version" ADD COLUMN     "origin" "price_origin" NOT NULL DEFAULT 'file';

-- CreateTable
CREATE TABLE "plan_change" (
    "account_id" UUID NOT NULL,
    "plan_code" TEXT NOT NULL,
    "effective_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "plan_change_pkey" PRIMARY KEY ("account_id")
);

-- CreateTable
CREATE TABLE "invite" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "role" "user_role" NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "accepted_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "invite_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "invoice_schedule" (
    "account_id" UUID NOT NULL,
    "first_month" DATE NOT NULL,
    "month_start" DATE NOT NULL,
    "next_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "invoice_schedule_pkey" PRIMARY KEY ("account_id")
);

-- CreateTable
CREATE TABLE "invoice" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "month_start" DATE NOT NULL,
    "month_end" DATE NOT NULL,
    "status" "invoice_status" NOT NULL DEFAULT 'draft',
    "number" TEXT,
    "bill_to" TEXT NOT NULL,
    "total_micro_usd" BIGINT NOT NULL,
    "finalize_after" TIMESTAMPTZ(3) NOT NULL,
    "finalized_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "invoice_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "invoice_line" (
    "invoice_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "component" "invoice_component" NOT NULL,
    "month_start" DATE NOT NULL,
    "description" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(3),
    "ends_at" TIMESTAMPTZ(3),
    "plan_code" TEXT,
    "plan_version" INTEGER,
    "tokens" BIGINT,
    "unit_price_micro_usd_per_million" BIGINT,
    "amount_micro_usd" BIGINT NOT NULL,
    "adjustment_id" UUID,

    CONSTRAINT "invoice_line_pkey" PRIMARY KEY ("invoice_id","position")
);

-- CreateTable
CREATE TABLE "invoice_number" (
    "year" INTEGER NOT NULL,
    "last" INTEGER NOT NULL,

    CONSTRAINT "invoice_number_pkey" PRIMARY KEY ("year")
);

-- CreateTable
CREATE TABLE "account_adjustment" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "amount_micro_usd" BIGINT NOT NULL,
    "reason" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "account_adjustment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "usage_alert" (
    "account_id" UUID NOT NULL,
    "month_start" DATE NOT NULL,
    "limit_tokens" BIGINT NOT NULL,
    "percent" SMALLINT NOT NULL,
    "spent_tokens" BIGINT NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "usage_alert_pkey" PRIMARY KEY ("account_id","month_start","limit_tokens","percent")
);

-- CreateTable
CREATE TABLE "webhook_endpoint" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "url" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "event_types" TEXT[],
    "secret" TEXT NOT NULL,
    "previous_secret" TEXT,
    "previous_secret_until" TIMESTAMPTZ(3),
    "disabled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_endpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_event" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "dispatched_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_delivery" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "endpoint_id" UUID NOT NULL,
    "event_id" UUID NOT NULL,
    "status" "webhook_delivery_status" NOT NULL DEFAULT 'pending',
    "attempts_made" INTEGER NOT NULL DEFAULT 0,
    "attempts_max" INTEGER NOT NULL,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_attempt" (
    "delivery_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "http_status" SMALLINT,
    "failure" TEXT,
    "answer" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "webhook_attempt_pkey" PRIMARY KEY ("delivery_id","number")
);

-- CreateTable
CREATE TABLE "provider_export" (
    "id" UUID NOT NULL,
    "provider" TEXT NOT NULL,
    "file_hash" BYTEA NOT NULL,
    "file_name" TEXT,
    "bytes" INTEGER NOT NULL,
    "rows" INTEGER NOT NULL,
    "first_day" DATE NOT NULL,
    "last_day" DATE NOT NULL,
    "imported_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_export_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "provider_export_day" (
    "export_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "model" TEXT NOT NULL,
    "requests" BIGINT,
    "tokens_input" BIGINT,
    "tokens_cached" BIGINT,
    "tokens_output" BIGINT,
    "cost_micro_usd" BIGINT,

    CONSTRAINT "provider_export_day_pkey" PRIMARY KEY ("export_id","day","model")
);

-- CreateIndex
CREATE INDEX "plan_change_effective_at_idx" ON "plan_change"("effective_at");

-- CreateIndex
CREATE UNIQUE INDEX "invite_token_hash_key" ON "invite"("token_hash");

-- CreateIndex
CREATE INDEX "invite_account_id_id_idx" ON "invite"("account_id", "id");

-- CreateIndex
CREATE INDEX "invoice_schedule_next_at_idx" ON "invoice_schedule"("next_at");

-- CreateIndex
CREATE UNIQUE INDEX "invoice_number_key" ON "invoice"("number");

-- CreateIndex
CREATE UNIQUE INDEX "invoice_account_id_month_start_key" ON "invoice"("account_id", "month_start");

-- CreateIndex
CREATE UNIQUE INDEX "invoice_line_adjustment_id_key" ON "invoice_line"("adjustment_id");

-- CreateIndex
CREATE INDEX "account_adjustment_account_id_created_at_idx" ON "account_adjustment"("account_id", "created_at");

-- CreateIndex
CREATE INDEX "webhook_endpoint_account_id_id_idx" ON "webhook_endpoint"("account_id", "id");

-- CreateIndex
CREATE INDEX "webhook_delivery_account_id_id_idx" ON "webhook_delivery"("account_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_delivery_event_id_endpoint_id_key" ON "webhook_delivery"("event_id", "endpoint_id");

-- CreateIndex
CREATE UNIQUE INDEX "provider_export_provider_file_hash_key" ON "provider_export"("provider", "file_hash");

-- AddForeignKey
ALTER TABLE "plan_change" ADD CONSTRAINT "plan_change_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invite" ADD CONSTRAINT "invite_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invoice_schedule" ADD CONSTRAINT "invoice_schedule_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invoice" ADD CONSTRAINT "invoice_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invoice_line" ADD CONSTRAINT "invoice_line_invoice_id_fkey" FOREIGN KEY ("invoice_id") REFERENCES "invoice"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invoice_line" ADD CONSTRAINT "invoice_line_adjustment_id_fkey" FOREIGN KEY ("adjustment_id") REFERENCES "account_adjustment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "account_adjustment" ADD CONSTRAINT "account_adjustment_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_endpoint" ADD CONSTRAINT "webhook_endpoint_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_endpoint_id_fkey" FOREIGN KEY ("endpoint_id") REFERENCES "webhook_endpoint"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "webhook_event"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_attempt" ADD CONSTRAINT "webhook_attempt_delivery_id_fkey" FOREIGN KEY ("delivery_id") REFERENCES "webhook_delivery"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "provider_export_day" ADD CONSTRAINT "provider_export_day_export_id_fkey" FOREIGN KEY ("export_id") REFERENCES "provider_export"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on by hand: what schema.prisma cannot say.

-- Invoices begin with the month that an account is in now; months from before are not invoiced after the fact.
CREATE FUNCTION "start_invoice_schedule"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO invoice_schedule (account_id, first_month, month_start, next_at)
  SELECT NEW.account_id, period.month, period.month, usage_month_end(NEW.anchor_day, period.month)::timestamp AT TIME ZONE 'UTC'
  FROM (SELECT usage_month_start(NEW.anchor_day, (NEW.starts_at AT TIME ZONE 'UTC')::date) AS month) AS period
  ON CONFLICT (account_id) DO NOTHING;
  RETURN NULL;
END
$$;
CREATE TRIGGER "subscription_starts_invoices" AFTER INSERT ON "subscription"
  FOR EACH ROW EXECUTE FUNCTION "start_invoice_schedule"();
INSERT INTO "invoice_schedule" ("account_id", "first_month", "month_start", "next_at")
  SELECT account_id, period.month, period.month, usage_month_end(anchor_day, period.month)::timestamp AT TIME ZONE 'UTC'
  FROM subscription
  CROSS JOIN LATERAL (SELECT usage_month_start(anchor_day, (clock_timestamp() AT TIME ZONE 'UTC')::date) AS month) AS period
  WHERE ends_at IS NULL;

-- As before, and a change that was due at a moment begins at that moment, however late it is carried out.
CREATE OR REPLACE FUNCTION "keep_subscription"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  due timestamptz(3) := nullif(current_setting('tollgate.plan_change_due', true), '')::timestamptz;
  starts timestamptz(3) := CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE coalesce(due, clock_timestamp()) END;
  anchor smallint := extract(day FROM NEW.created_at AT TIME ZONE 'UTC');
BEGIN
  UPDATE subscription SET ends_at = starts WHERE account_id = NEW.id AND ends_at IS NULL RETURNING anchor_day INTO anchor;
  INSERT INTO subscription (account_id, plan_code, anchor_day, starts_at)
  VALUES (NEW.id, NEW.plan_code, coalesce(anchor, extract(day FROM NEW.created_at AT TIME ZONE 'UTC')), starts)
  ON CONFLICT (account_id, starts_at) DO UPDATE SET plan_code = excluded.plan_code, plan_version = NULL, ends_at = NULL;
  RETURN NULL;
END
$$;

-- A final invoice is evidence. Its sum is checked at the moment in which it becomes final.
CREATE FUNCTION "guard_invoice"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  total bigint;
BEGIN
  IF TG_OP = 'TRUNCATE' OR (TG_OP <> 'INSERT' AND OLD.status = 'final') THEN
    RAISE EXCEPTION '% is refused: a final invoice never changes, correct it on the next one', TG_OP USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  IF NEW.status = 'final' THEN
    SELECT coalesce(sum(amount_micro_usd), 0) INTO total FROM invoice_line WHERE invoice_id = NEW.id;
    IF total <> NEW.total_micro_usd OR total < 0 OR total % 10000 <> 0 OR NEW.number IS NULL OR NEW.finalized_at IS NULL THEN
      RAISE EXCEPTION 'the invoice % cannot become final: its lines are % micro-USD', NEW.id, total USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER "invoice_guard" BEFORE INSERT OR UPDATE OR DELETE ON "invoice" FOR EACH ROW EXECUTE FUNCTION "guard_invoice"();
CREATE TRIGGER "invoice_guard_all" BEFORE TRUNCATE ON "invoice" FOR EACH STATEMENT EXECUTE FUNCTION "guard_invoice"();

CREATE FUNCTION "guard_invoice_line"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION 'TRUNCATE is refused: a final invoice never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (
    SELECT FROM invoice WHERE status = 'final'
      AND id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.invoice_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.invoice_id END)
  ) THEN
    RAISE EXCEPTION '% is refused: a final invoice never changes, correct it on the next one', TG_OP USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER "invoice_line_guard" BEFORE INSERT OR UPDATE OR DELETE ON "invoice_line"
  FOR EACH ROW EXECUTE FUNCTION "guard_invoice_line"();
CREATE TRIGGER "invoice_line_guard_all" BEFORE TRUNCATE ON "invoice_line" FOR EACH STATEMENT EXECUTE FUNCTION "guard_invoice_line"();

CREATE TRIGGER "account_adjustment_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "account_adjustment"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_ledger"();

-- The refunds of a month are few among the attempts of a month.
CREATE INDEX "usage_attempt_adjustments_idx" ON "usage_attempt" ("account_id", "month_start") WHERE "entry" = 'adjustment';

CREATE INDEX "webhook_event_waiting_idx" ON "webhook_event" ("occurred_at") WHERE "dispatched_at" IS NULL;
CREATE INDEX "webhook_delivery_waiting_idx" ON "webhook_delivery" ("next_attempt_at") WHERE "status" = 'pending';

-- Alerts, after usage_attempt_counts (triggers of a table fire in the order of their names): the windows have the new sums. Whoever
-- inserts holds the lock of the account, so two that reach a threshold at once come one after the other. As in ledger_functions,
-- rows are found by LATERAL with a LIMIT.
CREATE FUNCTION "note_usage_alerts"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  reached record;
BEGIN
  FOR reached IN
    SELECT month.account_id, month.starts_on, month.ends_on, month.spent, plan.tokens_per_month AS tokens,
      coalesce(latest.percent, 0) AS alerted,
      CASE WHEN month.spent >= plan.tokens_per_month THEN 100
        WHEN month.spent * 100 >= plan.tokens_per_month::numeric * 90 THEN 90
        WHEN month.spent * 100 >= plan.tokens_per_month::numeric * 75 THEN 75 ELSE 50 END AS percent
    FROM (SELECT DISTINCT account_id, month_start FROM added WHERE is_counted) AS touched
    CROSS JOIN LATERAL (
      SELECT * FROM usage_window
      WHERE account_id = touched.account_id AND kind = 'tokens_month' AND starts_on = touched.month_start LIMIT 1
    ) AS month
    CROSS JOIN LATERAL (
      SELECT plan_code, plan_version FROM subscription WHERE account_id = touched.account_id AND ends_at IS NULL LIMIT 1
    ) AS payer
    CROSS JOIN LATERAL (
      SELECT plan.tokens_per_month FROM plan WHERE plan.code = payer.plan_code
        AND CASE WHEN payer.plan_version IS NULL THEN plan.effective_from <= clock_timestamp() ELSE plan.version = payer.plan_version END
      ORDER BY plan.version DESC LIMIT 1
    ) AS plan
    LEFT JOIN LATERAL (
      SELECT usage_alert.percent FROM usage_alert
      WHERE account_id = touched.account_id AND month_start = touched.month_start AND limit_tokens = plan.tokens_per_month
      ORDER BY usage_alert.percent DESC LIMIT 1
    ) AS latest ON true
    WHERE plan.tokens_per_month > 0 AND month.spent * 2 >= plan.tokens_per_month
    ORDER BY month.account_id, month.starts_on
  LOOP
    CONTINUE WHEN reached.percent <= reached.alerted;
    WITH alerted AS (
      INSERT INTO usage_alert (account_id, month_start, limit_tokens, percent, spent_tokens, occurred_at)
      SELECT reached.account_id, reached.starts_on, reached.tokens, step, reached.spent, clock_timestamp()
      FROM unnest('{50,75,90,100}'::int[]) AS step WHERE step > reached.alerted AND step <= reached.percent
      ON CONFLICT DO NOTHING RETURNING *
    )
    INSERT INTO webhook_event (id, account_id, type, data, occurred_at)
    SELECT gen_random_uuid(), account_id, 'usage.threshold_reached', jsonb_build_object(
        'account_id', account_id, 'percent', percent, 'limit_tokens', limit_tokens, 'used_tokens', spent_tokens,
        'window_start', month_start, 'window_end', reached.ends_on), occurred_at
    FROM alerted ORDER BY percent;
  END LOOP;
  RETURN NULL;
END
$$;
CREATE TRIGGER "usage_attempt_notes_alerts" AFTER INSERT ON "usage_attempt" REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION "note_usage_alerts"();
