-- The two logins of docker-compose.yml, made once, when the database is created. Neither is a superuser.
\getenv migrator_password POSTGRES_PASSWORD
\getenv node_password PRESENCE_DB_PASSWORD

-- Migrates. Its password is the superuser's: both may change the schema, and neither is given to the service.
create role presence_migrator login createrole password :'migrator_password';
grant create on database :"DBNAME" to presence_migrator;

-- Serves. The migration finds presence_service in place and grants it the API; WITH ADMIN OPTION lets it do so.
create role presence_service nologin;
grant presence_service to presence_migrator with admin option;
create role presence_node login password :'node_password';
grant presence_service to presence_node;
