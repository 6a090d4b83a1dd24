-- Rails: users and sessions as its authentication generator has them, rooms and memberships as an application would.
-- Made by ActiveRecord 6.1.7.10 and `pg_dump --schema-only --no-owner --no-privileges` of Postgres 15, without its SET
-- commands, as structure.sql is; of this schema:
--
--   create_table(:users) { |t| t.string :name, :email_address, :password_digest, null: false; t.string :avatar_url
--                              t.timestamps; t.index :email_address, unique: true }
--   create_table(:sessions) { |t| t.references :user, null: false, foreign_key: { on_delete: :cascade }
--                                 t.string :ip_address, :user_agent; t.timestamps }
--   create_table(:rooms) { |t| t.string :name, null: false; t.string :topic; t.datetime :archived_at; t.timestamps }
--   create_table(:memberships) { |t| t.references :room, :user, null: false, foreign_key: { on_delete: :cascade }
--                                    t.integer :role, null: false, default: 0; t.timestamps
--                                    t.index [:room_id, :user_id], unique: true }
--
-- The model says `enum role: { collaborator: 0, coordinator: 1 }`.

CREATE TABLE public.ar_internal_metadata (
    key character varying NOT NULL,
    value character varying,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE TABLE public.memberships (
    id bigint NOT NULL,
    room_id bigint NOT NULL,
    user_id bigint NOT NULL,
    role integer DEFAULT 0 NOT NULL,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE SEQUENCE public.memberships_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.memberships_id_seq OWNED BY public.memberships.id;

CREATE TABLE public.rooms (
    id bigint NOT NULL,
    name character varying NOT NULL,
    topic character varying,
    archived_at timestamp without time zone,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE SEQUENCE public.rooms_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.rooms_id_seq OWNED BY public.rooms.id;

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);

CREATE TABLE public.sessions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    ip_address character varying,
    user_agent character varying,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE SEQUENCE public.sessions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.sessions_id_seq OWNED BY public.sessions.id;

CREATE TABLE public.users (
    id bigint NOT NULL,
    name character varying NOT NULL,
    email_address character varying NOT NULL,
    password_digest character varying NOT NULL,
    avatar_url character varying,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);

CREATE SEQUENCE public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;

ALTER TABLE ONLY public.memberships ALTER COLUMN id SET DEFAULT nextval('public.memberships_id_seq'::regclass);

ALTER TABLE ONLY public.rooms ALTER COLUMN id SET DEFAULT nextval('public.rooms_id_seq'::regclass);

ALTER TABLE ONLY public.sessions ALTER COLUMN id SET DEFAULT nextval('public.sessions_id_seq'::regclass);

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);

ALTER TABLE ONLY public.ar_internal_metadata
    ADD CONSTRAINT ar_internal_metadata_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX index_memberships_on_room_id ON public.memberships USING btree (room_id);

CREATE UNIQUE INDEX index_memberships_on_room_id_and_user_id ON public.memberships USING btree (room_id, user_id);

CREATE INDEX index_memberships_on_user_id ON public.memberships USING btree (user_id);

CREATE INDEX index_sessions_on_user_id ON public.sessions USING btree (user_id);

CREATE UNIQUE INDEX index_users_on_email_address ON public.users USING btree (email_address);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT fk_rails_58346fcf0a FOREIGN KEY (room_id) REFERENCES public.rooms(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_rails_758836b4f0 FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT fk_rails_99326fb65d FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

