# syntax=docker/dockerfile:1@sha256:ecfaec9ed6d810b56388c508f4121597bfbba70d41a6dfeee4d8cad5f295fc32

# docker build --build-arg VERSION="$(git describe --tags --always --dirty)" \
#   --build-arg COMMIT="$(git rev-parse HEAD)" .

FROM golang:1.26.8@sha256:0f063af2d465d8dcae54cce04278ada488b96f77b42449c8d071e47d016cc65a AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ENV CGO_ENABLED=0 GOCACHE=/go/build
ARG VERSION COMMIT
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build \
    go build -trimpath -ldflags="-s -w -X main.stampedVersion=$VERSION -X main.stampedCommit=$COMMIT" -o /out/jangbu ./cmd/jangbu
# SQLite wants a /tmp for its larger sorts; the data directory belongs to the user.
RUN mkdir -p /state/data /state/tmp && chmod 0700 /state/data /state/tmp

# No shell, no package manager, no other program: one static binary, and the
# certificate authorities by which it knows the channel APIs. Time zones are in
# the binary.
FROM scratch
ARG VERSION COMMIT
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /state/ /
COPY --from=build /out/jangbu /jangbu
USER 65532:65532
ENV JANGBU_DATA_DIR=/data
VOLUME /data
# HTTP, administration, the embedded broker.
EXPOSE 8080 8081 9092
# Of serve: whether every part does what it is for.
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --start-interval=1s --retries=3 CMD ["/jangbu", "health"]
ENTRYPOINT ["/jangbu"]
CMD ["serve"]
