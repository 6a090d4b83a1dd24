# The stand-in for the official Postgres image: see tests/docker/run.
FROM debian-postgres
COPY postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
# The official images moved it in 18.
ARG PGDATA
ENV PGDATA=$PGDATA
EXPOSE 5432
# SIGTERM would wait for the clients to go.
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
