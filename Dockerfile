# The image: the program, the authorities' certificates, and an empty folder for a
# volume. No shell, no user database, no /tmp. deploy/README.md says how to run it;
# `make image` builds it and lists what is in it.
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t tailrace .

ARG BUILDER=docker.io/library/golang:1.26-bookworm

# hadolint ignore=DL3006
FROM ${BUILDER} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
# An owner travels with COPY only for what is in the folder that is named there.
RUN make release VERSION="${VERSION}" && mkdir -p /spool/tailrace

FROM scratch
COPY --from=build /src/bin/tailrace /tailrace
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# Large transactions of MySQL wait on disk, with all their rows' values, and the root
# file system is to be read-only. A volume that is mounted here by Docker or Fargate
# takes over the owner; without this it would be root's.
COPY --from=build --chown=65532:65532 /spool /var/spool
VOLUME ["/var/spool/tailrace"]
ENV TMPDIR=/var/spool/tailrace
# A number: there is no /etc/passwd to look a name up in, and Kubernetes'
# runAsNonRoot wants one.
USER 65532:65532
EXPOSE 8085
ENTRYPOINT ["/tailrace"]
CMD ["run", "-c", "/etc/tailrace/tailrace.yaml"]
