-- CreateEnum
CREATE TYPE "batch_prompt_status" AS ENUM ('pending', 'completed', 'failed', 'cancelled');

-- CreateTable
CREATE TABLE "llm_batch" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "caller" JSONB NOT NULL,
    "settings" JSONB NOT NULL,
    "system" TEXT,
    "total" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "cancelled_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "llm_batch_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "llm_batch_prompt" (
    "batch_id" UUID NOT NULL,
    "index" INTEGER NOT NULL,
    "prompt" TEXT NOT NULL,
    "status" "batch_prompt_status" NOT NULL DEFAULT 'pending',
    "result" JSONB,

    CONSTRAINT "llm_batch_prompt_pkey" PRIMARY KEY ("batch_id","index")
);

-- CreateIndex
CREATE INDEX "llm_batch_account_id_created_at_idx" ON "llm_batch"("account_id", "created_at");

-- CreateIndex
CREATE INDEX "llm_batch_expires_at_idx" ON "llm_batch"("expires_at");

-- CreateIndex
CREATE INDEX "llm_batch_prompt_batch_id_status_idx" ON "llm_batch_prompt"("batch_id", "status");

-- AddForeignKey
ALTER TABLE "llm_batch_prompt" ADD CONSTRAINT "llm_batch_prompt_batch_id_fkey" FOREIGN KEY ("batch_id") REFERENCES "llm_batch"("id") ON DELETE CASCADE ON UPDATE CASCADE;
