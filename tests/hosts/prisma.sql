-- A stock better-auth 1.7.25 in a schema kept by Prisma 6.19: names as both make them, quoted camelCase.
-- `user` and `session` are the models that better-auth documents for Prisma; the rooms are an application's own.
-- Made by `prisma migrate diff --from-empty --to-schema-datamodel schema.prisma --script`, of this schema:
--
--   model User    { id String @id  name String  email String @unique  emailVerified Boolean  image String?
--                   createdAt DateTime @default(now())  updatedAt DateTime @updatedAt
--                   sessions Session[]  rooms RoomParticipant[]  @@map("user") }
--   model Session { id String @id  expiresAt DateTime  token String @unique  createdAt DateTime @default(now())
--                   updatedAt DateTime @updatedAt  ipAddress String?  userAgent String?  userId String
--                   user User @relation(fields: [userId], references: [id], onDelete: Cascade)
--                   @@index([userId])  @@map("session") }
--   enum ParticipantRole { coordinator collaborator vendor }
--   model Room    { id String @id @default(cuid())  title String  topic String?  createdAt DateTime @default(now())
--                   participants RoomParticipant[] }
--   model RoomParticipant { roomId String  userId String  role ParticipantRole @default(collaborator)
--                   joinedAt DateTime @default(now())
--                   room Room @relation(fields: [roomId], references: [id], onDelete: Cascade)
--                   user User @relation(fields: [userId], references: [id], onDelete: Cascade)
--                   @@id([roomId, userId])  @@index([userId]) }

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "ParticipantRole" AS ENUM ('coordinator', 'collaborator', 'vendor');

-- CreateTable
CREATE TABLE "user" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "emailVerified" BOOLEAN NOT NULL,
    "image" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" TEXT NOT NULL,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "token" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "ipAddress" TEXT,
    "userAgent" TEXT,
    "userId" TEXT NOT NULL,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Room" (
    "id" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "topic" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Room_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "RoomParticipant" (
    "roomId" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "role" "ParticipantRole" NOT NULL DEFAULT 'collaborator',
    "joinedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "RoomParticipant_pkey" PRIMARY KEY ("roomId","userId")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_email_key" ON "user"("email");

-- CreateIndex
CREATE UNIQUE INDEX "session_token_key" ON "session"("token");

-- CreateIndex
CREATE INDEX "session_userId_idx" ON "session"("userId");

-- CreateIndex
CREATE INDEX "RoomParticipant_userId_idx" ON "RoomParticipant"("userId");

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "RoomParticipant" ADD CONSTRAINT "RoomParticipant_roomId_fkey" FOREIGN KEY ("roomId") REFERENCES "Room"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "RoomParticipant" ADD CONSTRAINT "RoomParticipant_userId_fkey" FOREIGN KEY ("userId") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

