-- CreateEnum
CREATE TYPE "usage_window_kind" AS ENUM ('tokens_month', 'calls_day');

-- CreateEnum
CREATE TYPE "rollup_grain" AS ENUM ('hour', 'day');

-- CreateEnum
CREATE TYPE "attempt_entry" AS ENUM ('attempt', 'reversal', 'restatement', 'adjustment');

-- AlterEnum
ALTER TYPE "attempt_outcome" ADD VALUE 'lost';

-- AlterTable
ALTER TABLE "plan" ADD COLUMN     "overage_micro_usd_per_million" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "tokens_hard_cap" BIGINT;

-- By hand: plans from before get the caps that config/plans.yaml gives to new ones.
UPDATE "plan" SET "tokens_hard_cap" = CASE "tokens_overage" WHEN 'block' THEN "tokens_per_month" ELSE "tokens_per_month" * 20 END,
  "overage_micro_usd_per_million" = CASE "tokens_overage" WHEN 'block' THEN 0 ELSE 1000000 END;
ALTER TABLE "plan" ALTER COLUMN "tokens_hard_cap" SET NOT NULL;

-- CreateTable
CREATE TABLE "subscription" (
    "account_id" UUID NOT NULL,
    "plan_code" TEXT NOT NULL,
    "plan_version" INTEGER,
    "anchor_day" SMALLINT NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3),

    CONSTRAINT "subscription_pkey" PRIMARY KEY ("account_id","starts_at")
);

-- CreateTable
CREATE TABLE "usage_window" (
    "account_id" UUID NOT NULL,
    "kind" "usage_window_kind" NOT NULL,
    "starts_on" DATE NOT NULL,
    "ends_on" DATE NOT NULL,
    "spent" BIGINT NOT NULL DEFAULT 0,
    "spent_output" BIGINT NOT NULL DEFAULT 0,
    "held" BIGINT NOT NULL DEFAULT 0,
    "cap" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "usage_window_pkey" PRIMARY KEY ("account_id","kind","starts_on")
);

-- CreateTable
CREATE TABLE "counted_call" (
    "request_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "is_spent" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "counted_call_pkey" PRIMARY KEY ("request_id")
);

-- CreateTable
CREATE TABLE "hold" (
    "call_id" UUID NOT NULL,
    "attempt_number" SMALLINT NOT NULL,
    "request_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "tier" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "price_version_id" BIGINT NOT NULL,
    "tokens" BIGINT NOT NULL,
    "tokens_input" INTEGER NOT NULL,
    "tokens_generated" INTEGER NOT NULL DEFAULT 0,
    "month_start" DATE NOT NULL,
    "day" DATE NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL,
    "dispatched_at" TIMESTAMPTZ(3),
    "lease_until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "hold_pkey" PRIMARY KEY ("call_id","attempt_number")
);

-- CreateTable
CREATE TABLE "usage_rollup" (
    "grain" "rollup_grain" NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "account_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "tier" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "attempts" BIGINT NOT NULL,
    "failed_attempts" BIGINT NOT NULL,
    "cache_hits" BIGINT NOT NULL,
    "tokens_input" BIGINT NOT NULL,
    "tokens_cached" BIGINT NOT NULL,
    "tokens_output" BIGINT NOT NULL,
    "tokens_reasoning" BIGINT NOT NULL,
    "tokens_counted" BIGINT NOT NULL,
    "provider_cost_micro_usd" BIGINT NOT NULL,
    "charge_micro_usd" BIGINT NOT NULL,

    CONSTRAINT "usage_rollup_pkey" PRIMARY KEY ("grain","account_id","starts_at","user_id","tier","provider","model","task")
);

-- CreateIndex
CREATE INDEX "hold_request_id_idx" ON "hold"("request_id");

-- CreateIndex
CREATE INDEX "usage_rollup_grain_starts_at_idx" ON "usage_rollup"("grain", "starts_at");

-- AddForeignKey
ALTER TABLE "subscription" ADD CONSTRAINT "subscription_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "usage_window" ADD CONSTRAINT "usage_window_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- From here on by hand: what schema.prisma cannot say. The engine that compares the two does not see it either.

ALTER TABLE "price_version" ADD COLUMN "cost_reasoning_micro_usd_per_million" BIGINT, ADD COLUMN "charge_reasoning_micro_usd_per_million" BIGINT;
UPDATE "price_version" SET "cost_reasoning_micro_usd_per_million" = "cost_output_micro_usd_per_million",
  "charge_reasoning_micro_usd_per_million" = "charge_output_micro_usd_per_million";
ALTER TABLE "price_version" ALTER COLUMN "cost_reasoning_micro_usd_per_million" SET NOT NULL,
  ALTER COLUMN "charge_reasoning_micro_usd_per_million" SET NOT NULL;

-- A counter below zero would mean that something was freed twice; the transaction that does it must not commit.
ALTER TABLE "usage_window" ADD CONSTRAINT "usage_window_not_negative" CHECK ("held" >= 0);
ALTER TABLE "subscription" ADD CONSTRAINT "subscription_anchor_day" CHECK ("anchor_day" BETWEEN 1 AND 31);
CREATE UNIQUE INDEX "subscription_open_key" ON "subscription"("account_id") WHERE "ends_at" IS NULL;

-- Rows that change at every request: room on the page, so that an update touches no index.
ALTER TABLE "usage_window" SET (fillfactor = 50);
ALTER TABLE "usage_rollup" SET (fillfactor = 70);
ALTER TABLE "counted_call" SET (fillfactor = 50);
ALTER TABLE "hold" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);

-- The history of plans writes itself, whoever changes account.plan_code. The first plan sets the day on which months begin.
CREATE FUNCTION "keep_subscription"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  starts timestamptz(3) := CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE clock_timestamp() END;
  anchor smallint := extract(day FROM NEW.created_at AT TIME ZONE 'UTC');
BEGIN
  UPDATE subscription SET ends_at = starts WHERE account_id = NEW.id AND ends_at IS NULL RETURNING anchor_day INTO anchor;
  INSERT INTO subscription (account_id, plan_code, anchor_day, starts_at)
  VALUES (NEW.id, NEW.plan_code, coalesce(anchor, extract(day FROM NEW.created_at AT TIME ZONE 'UTC')), starts)
  ON CONFLICT (account_id, starts_at) DO UPDATE SET plan_code = excluded.plan_code, plan_version = NULL, ends_at = NULL;
  RETURN NULL;
END
$$;
CREATE TRIGGER "account_subscription_first" AFTER INSERT ON "account"
  FOR EACH ROW EXECUTE FUNCTION "keep_subscription"();
CREATE TRIGGER "account_subscription_change" AFTER UPDATE OF "plan_code" ON "account"
  FOR EACH ROW WHEN (OLD.plan_code IS DISTINCT FROM NEW.plan_code) EXECUTE FUNCTION "keep_subscription"();
INSERT INTO "subscription" ("account_id", "plan_code", "anchor_day", "starts_at")
  SELECT "id", "plan_code", extract(day FROM "created_at" AT TIME ZONE 'UTC'), "created_at" FROM "account";

-- Months of an account: the anchor day, or the last day of a shorter month.
CREATE FUNCTION "usage_month_day"(anchor int, month date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT date_trunc('month', month::timestamp)::date - 1
    + least(anchor, extract(day FROM date_trunc('month', month::timestamp) + interval '1 month - 1 day')::int)
$$;
CREATE FUNCTION "usage_month_start"(anchor int, on_day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN on_day >= usage_month_day(anchor, on_day) THEN usage_month_day(anchor, on_day)
    ELSE usage_month_day(anchor, (date_trunc('month', on_day::timestamp) - interval '1 day')::date) END
$$;
CREATE FUNCTION "usage_month_end"(anchor int, month_start date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT usage_month_day(anchor, (date_trunc('month', month_start::timestamp) + interval '1 month')::date)
$$;

-- The ledger again, now in partitions. A call id is a UUIDv7, whose first 48 bits are milliseconds: ranges of ids are ranges of
-- time, and the key needs no date beside the id, which would let the same attempt stand in two partitions.
ALTER TABLE "usage_attempt" RENAME TO "usage_attempt_before";
ALTER TABLE "usage_attempt_before" RENAME CONSTRAINT "usage_attempt_pkey" TO "usage_attempt_before_pkey";
ALTER INDEX "usage_attempt_account_id_finished_at_idx" RENAME TO "usage_attempt_before_account_idx";
ALTER INDEX "usage_attempt_request_id_idx" RENAME TO "usage_attempt_before_request_idx";

CREATE TABLE "usage_attempt" (
    "call_id" UUID NOT NULL,
    "attempt_number" SMALLINT NOT NULL,
    "entry_number" SMALLINT NOT NULL DEFAULT 0,
    "entry" "attempt_entry" NOT NULL DEFAULT 'attempt',
    "corrects" SMALLINT,
    "correction_id" UUID,
    "correction_reason" TEXT,
    "request_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "tier" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "tokens_input" INTEGER NOT NULL,
    "tokens_cached" INTEGER NOT NULL,
    "tokens_output" INTEGER NOT NULL,
    "tokens_reasoning" INTEGER NOT NULL DEFAULT 0,
    "usage_source" "usage_source" NOT NULL,
    "outcome" "attempt_outcome" NOT NULL,
    "is_cache_hit" BOOLEAN NOT NULL DEFAULT false,
    "is_counted" BOOLEAN NOT NULL,
    "error_code" TEXT,
    "price_version_id" BIGINT NOT NULL,
    "provider_cost_micro_usd" BIGINT NOT NULL,
    "charge_micro_usd" BIGINT NOT NULL,
    "month_start" DATE NOT NULL,
    "day" DATE NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3) NOT NULL,
    "recorded_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "usage_attempt_pkey" PRIMARY KEY ("call_id", "attempt_number", "entry_number")
) PARTITION BY RANGE ("call_id");
CREATE INDEX "usage_attempt_account_id_finished_at_idx" ON "usage_attempt"("account_id", "finished_at");
CREATE INDEX "usage_attempt_request_id_idx" ON "usage_attempt"("request_id");

CREATE TRIGGER "usage_attempt_append_only"
    BEFORE UPDATE OR DELETE OR TRUNCATE ON "usage_attempt"
    FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_ledger"();

-- The first UUIDv7 of a month.
CREATE FUNCTION "first_call_id"(month date) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM month::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- A trigger of a partitioned table does not guard statements on one of its partitions: each gets its own.
CREATE FUNCTION "guard_usage_partition"(partition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER usage_attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger()', partition);
END
$$;

-- Partitions for every month from this one to `until`; returns those that it made. Two callers make each one once.
CREATE FUNCTION "make_usage_partitions"(until date) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  month date := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC')::date;
  partition text;
BEGIN
  PERFORM pg_advisory_xact_lock(7480011535);
  WHILE month <= until LOOP
    partition := 'usage_attempt_' || to_char(month, 'YYYY_MM');
    IF to_regclass(partition) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF usage_attempt FOR VALUES FROM (%L) TO (%L)',
        partition, first_call_id(month), first_call_id((month + interval '1 month')::date));
      PERFORM guard_usage_partition(partition);
      RETURN NEXT partition;
    END IF;
    month := (month + interval '1 month')::date;
  END LOOP;
END
$$;

-- For ids of no time of ours (an import, a clock that is years ahead): nothing is refused for want of a partition.
CREATE TABLE "usage_attempt_default" PARTITION OF "usage_attempt" DEFAULT;
SELECT guard_usage_partition('usage_attempt_default');
SELECT make_usage_partitions((clock_timestamp() + interval '3 months')::date);
