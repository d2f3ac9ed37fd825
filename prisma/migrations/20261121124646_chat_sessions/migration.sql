-- CreateEnum
CREATE TYPE "chat_history" AS ENUM ('trim', 'summarise');

-- CreateEnum
CREATE TYPE "chat_sender" AS ENUM ('user', 'llm');

-- CreateEnum
CREATE TYPE "chat_message_state" AS ENUM ('running', 'complete', 'stopped', 'failed');

-- CreateTable
CREATE TABLE "chat_session" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "title" TEXT NOT NULL,
    "system_prompt" TEXT NOT NULL DEFAULT '',
    "model" TEXT,
    "history" "chat_history" NOT NULL DEFAULT 'trim',
    "graph" JSONB,
    "turn" INTEGER NOT NULL DEFAULT 0,
    "summary" TEXT NOT NULL DEFAULT '',
    "summary_through" INTEGER NOT NULL DEFAULT 0,
    "forked_from" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_active" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "chat_session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "chat_message" (
    "id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "sender" "chat_sender" NOT NULL,
    "content" TEXT NOT NULL,
    "state" "chat_message_state" NOT NULL,
    "pinned" BOOLEAN NOT NULL DEFAULT false,
    "superseded_by" INTEGER,
    "model" TEXT,
    "finish_reason" TEXT,
    "error_code" TEXT,
    "usage" JSONB,
    "request_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "chat_message_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "chat_session_user_id_last_active_id_idx" ON "chat_session"("user_id", "last_active", "id");

-- CreateIndex
CREATE INDEX "chat_session_account_id_idx" ON "chat_session"("account_id");

-- CreateIndex
CREATE INDEX "chat_session_last_active_idx" ON "chat_session"("last_active");

-- CreateIndex
CREATE INDEX "chat_message_session_id_pinned_idx" ON "chat_message"("session_id", "pinned");

-- CreateIndex
CREATE INDEX "chat_message_state_created_at_idx" ON "chat_message"("state", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "chat_message_session_id_position_key" ON "chat_message"("session_id", "position");

-- AddForeignKey
ALTER TABLE "chat_session" ADD CONSTRAINT "chat_session_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "chat_session" ADD CONSTRAINT "chat_session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "app_user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "chat_message" ADD CONSTRAINT "chat_message_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "chat_session"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on by hand: what schema.prisma cannot say.

-- Full-text search. The configuration "simple" stems nothing and so suits every language; a tsvector has a size limit, which
-- the first hundred thousand characters of a message stay under. An answer enters when it is finished, so that the writes of one
-- that grows stay cheap.
CREATE INDEX "chat_message_search" ON "chat_message" USING gin (to_tsvector('simple', left("content", 100000)))
    WHERE "state" <> 'running' AND "superseded_by" IS NULL;
