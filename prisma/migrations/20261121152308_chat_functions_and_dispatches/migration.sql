-- CreateEnum
CREATE TYPE "chat_dispatch_state" AS ENUM ('dry_run', 'pending', 'delivered', 'failed');

-- AlterEnum
ALTER TYPE "chat_sender" ADD VALUE 'tool';

-- AlterTable
ALTER TABLE "chat_message" ADD COLUMN     "functions" JSONB,
ADD COLUMN     "tool_calls" JSONB,
ADD COLUMN     "tool_results" JSONB;

-- AlterTable
ALTER TABLE "chat_schema" ADD COLUMN     "secret" TEXT;

-- CreateTable
CREATE TABLE "chat_dispatch" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "session_id" UUID,
    "schema_name" TEXT NOT NULL,
    "schema_version" INTEGER NOT NULL,
    "url" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "state" "chat_dispatch_state" NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "last_status" INTEGER,
    "last_error" TEXT,
    "request_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "chat_dispatch_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "chat_dispatch_user_id_created_at_id_idx" ON "chat_dispatch"("user_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "chat_dispatch_account_id_idx" ON "chat_dispatch"("account_id");

-- CreateIndex
CREATE INDEX "chat_dispatch_session_id_idx" ON "chat_dispatch"("session_id");

-- CreateIndex
CREATE INDEX "chat_dispatch_state_created_at_idx" ON "chat_dispatch"("state", "created_at");

-- AddForeignKey
ALTER TABLE "chat_dispatch" ADD CONSTRAINT "chat_dispatch_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "chat_dispatch" ADD CONSTRAINT "chat_dispatch_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "chat_session"("id") ON DELETE CASCADE ON UPDATE CASCADE;
