# A server of other people's making that speaks as AWS does, on a free port of this machine; sourced by scripts. It ends
# with the script, however that ends. SOURCE_DIR is set.

# start_aws_server ministack|moto: sets the environment that every AWS tool takes, and aws_server, its process. Answers 77
# where ./dev has not installed it.
start_aws_server() {
  local bin=$SOURCE_DIR/build/python/bin port waited
  local -a command
  [ -x "$bin/python3" ] || { echo "NOT RUN: there is no $1; ./dev test installs it into build/python" >&2; return 77; }
  port=$("$bin/python3" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  case $1 in
    ministack) command=(env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" IOT_MTLS_ENABLED=0 LOG_LEVEL=ERROR "$bin/python3" "$bin/ministack") ;;
    # See aws_server.hpp about the interval.
    moto) command=("$bin/python3" -c 'import sys; sys.setswitchinterval(60); from moto.server import main; main(sys.argv[1:])' -H 127.0.0.1 -p "$port") ;;
  esac
  # The kernel ends it when this shell dies, even by kill -9.
  setpriv --pdeathsig KILL "${command[@]}" </dev/null >/dev/null 2>&1 &
  aws_server=$!
  trap stop_aws_server EXIT
  export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
  unset AWS_PROFILE AWS_DEFAULT_REGION AWS_SESSION_TOKEN AWS_ENDPOINT_URL_SQS AWS_ENDPOINT_URL_DYNAMODB AWS_ENDPOINT_URL_S3
  for ((waited = 0; waited < 600; waited++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
    kill -0 "$aws_server" 2>/dev/null || break
    sleep 0.1
  done
  echo "$1 did not come up on port $port" >&2
  return 1
}

stop_aws_server() {
  [ -n "${aws_server:-}" ] || return 0
  { kill -9 "$aws_server" && wait "$aws_server"; } 2>/dev/null || true
  aws_server=
}
