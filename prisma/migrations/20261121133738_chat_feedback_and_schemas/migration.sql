-- CreateEnum
CREATE TYPE "chat_rating" AS ENUM ('up', 'down');

-- CreateTable
CREATE TABLE "chat_feedback" (
    "message_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "rating" "chat_rating" NOT NULL,
    "correction" TEXT,
    "comment" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "chat_feedback_pkey" PRIMARY KEY ("message_id")
);

-- CreateTable
CREATE TABLE "chat_schema" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "description" TEXT NOT NULL,
    "target" TEXT,
    "schema" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "chat_schema_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "chat_feedback_user_id_updated_at_message_id_idx" ON "chat_feedback"("user_id", "updated_at", "message_id");

-- CreateIndex
CREATE UNIQUE INDEX "chat_schema_account_id_name_version_key" ON "chat_schema"("account_id", "name", "version");

-- AddForeignKey
ALTER TABLE "chat_feedback" ADD CONSTRAINT "chat_feedback_message_id_fkey" FOREIGN KEY ("message_id") REFERENCES "chat_message"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "chat_schema" ADD CONSTRAINT "chat_schema_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;
