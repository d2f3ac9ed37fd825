-- CreateTable
CREATE TABLE "log_upload" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "log_upload_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "log_chunk" (
    "upload_id" UUID NOT NULL,
    "index" INTEGER NOT NULL,
    "lines" INTEGER NOT NULL,
    "bytes" INTEGER NOT NULL,
    "ends_line" BOOLEAN NOT NULL,
    "data" BYTEA NOT NULL,

    CONSTRAINT "log_chunk_pkey" PRIMARY KEY ("upload_id","index")
);

-- CreateTable
CREATE TABLE "log_job" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "caller" JSONB NOT NULL,
    "request" JSONB NOT NULL,
    "lines" INTEGER NOT NULL,
    "bytes" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "cancelled_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "format" JSONB,
    "result" JSONB,
    "error" JSONB,

    CONSTRAINT "log_job_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "log_job_part" (
    "job_id" UUID NOT NULL,
    "index" INTEGER NOT NULL,
    "first_chunk" INTEGER NOT NULL,
    "chunk_count" INTEGER NOT NULL,
    "first_line" INTEGER NOT NULL,
    "lines" INTEGER NOT NULL,
    "snapshot" BYTEA,

    CONSTRAINT "log_job_part_pkey" PRIMARY KEY ("job_id","index")
);

-- CreateIndex
CREATE INDEX "log_upload_account_id_idx" ON "log_upload"("account_id");

-- CreateIndex
CREATE INDEX "log_upload_expires_at_idx" ON "log_upload"("expires_at");

-- CreateIndex
CREATE INDEX "log_job_account_id_created_at_idx" ON "log_job"("account_id", "created_at");

-- CreateIndex
CREATE INDEX "log_job_expires_at_idx" ON "log_job"("expires_at");

-- AddForeignKey
ALTER TABLE "log_chunk" ADD CONSTRAINT "log_chunk_upload_id_fkey" FOREIGN KEY ("upload_id") REFERENCES "log_upload"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "log_job_part" ADD CONSTRAINT "log_job_part_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "log_job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Both are compressed already.
ALTER TABLE "log_chunk" ALTER COLUMN "data" SET STORAGE EXTERNAL;
ALTER TABLE "log_job_part" ALTER COLUMN "snapshot" SET STORAGE EXTERNAL;
