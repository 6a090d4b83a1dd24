# The service as an image: the binary on a small Debian, as a user without rights.
#
#   docker build -t pg-presence .
#   docker run --rm -e DATABASE_URL=... -e PRESENCE_JWT_SECRET=... -p 8080:8080 pg-presence
#
# `docker run ... pg-presence migrate` runs another command of the same binary.

# Both stages are of one Debian release: a binary asks for the glibc that it was linked with, or a newer one.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
# Without `fetch`, which only `pg-presence dev` uses: some forty crates less in the image.
RUN cargo build --release --locked --no-default-features --bin pg-presence

FROM debian:bookworm-slim
COPY --from=build /build/target/release/pg-presence /usr/local/bin/
# Whom to trust when the keys of a provider of tokens are read over https (PRESENCE_JWKS_URL).
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# By number, so that `runAsNonRoot` can be checked without reading the image. It owns nothing and writes nothing.
USER 65532:65532
# The default is loopback, which nobody could reach from outside of the container.
ENV PRESENCE_BIND=0.0.0.0:8080
EXPOSE 8080
# Alive, not ready: while the database is away the streams must stay open, and a restart would cut them.
# bash opens the connection itself, so the image needs no HTTP client.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/${PRESENCE_BIND##*:} && printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status == 200 ]]"]
ENTRYPOINT ["pg-presence"]
CMD ["serve"]
