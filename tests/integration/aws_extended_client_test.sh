# ctest: labels=slow timeout=300
# Messages above SQS's limit pass between fanfold and Python's extended client, both ways, on both servers.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
source "$SOURCE_DIR/tests/support/aws_server.sh"
export FANFOLD_STORE=aws FANFOLD_TABLE=jobs FANFOLD_BUCKET=jobs-of-the-test
python=$SOURCE_DIR/build/python/bin/python3
extended() { "$python" "$SOURCE_DIR/tests/python/extended_client.py" "$1" "$queue" "$FANFOLD_BUCKET" "${@:2}"; }
# Payloads in the bucket, of which none may be left behind; bodies that belong to records stay as long as those.
# (Asked without boto3, which takes most of a second to start.)
objects() {
  "$python" -c 'import re, sys, urllib.request
listing = urllib.request.urlopen(sys.argv[1]).read().decode()
print(sum(not key.startswith("SQSMessage$") for key in re.findall("<Key>([^<]*)</Key>", listing)))' \
    "$AWS_ENDPOINT_URL/$FANFOLD_BUCKET?list-type=2"
}
digest_of() { "$python" -c 'import hashlib, json, sys; print(hashlib.sha1(json.dumps(sys.argv[1] * int(sys.argv[2])).encode()).hexdigest())' "$1" "$2"; }

for server in ministack moto; do
  code=0
  start_aws_server $server || code=$?
  [ $code -eq 0 ] || exit $code
  export AWS_DEFAULT_REGION=$AWS_REGION # What boto3 wants, and the command does not need.
  expect 0 fanfold setup aws --queue mail
  queue=$("$python" -c 'import boto3; print(boto3.client("sqs").get_queue_url(QueueName="mail")["QueueUrl"])')

  # --- ours, read by theirs: one that fits by its body alone, and not with what stands around it
  head -c 1048500 /dev/zero | tr '\0' f >long.txt
  expect 0 fanfold send --queue mail --tasks long.txt --json
  same 1 "$(objects)"
  expect 0 extended receive
  read -r length sha1 <out
  [ "$length" -gt 1048576 ] || failed "$server: the message was $length bytes, which fit"
  same "$(digest_of f 1048500)" "$sha1"
  same 0 "$(objects)"

  # --- theirs, read by ours: with the attribute of today and that of the older clients; above their limit and above ours
  for length in 300000 1100000; do
    for legacy in '' --legacy; do
      expect 0 extended send $length $legacy
      same 1 "$(objects)"
      rm -f bodies
      # The lease is short since the server may hand a message to the poll that the worker before was at when it ended.
      "$FANFOLD_BIN" work --queue mail --lease 2s --json -- sh -c 'wc -c >>bodies' >out 2>err &
      worker=$!
      until [ "$(objects)" -eq 0 ] || ! kill -0 $worker; do sleep 0.05; done
      kill -TERM $worker
      wait $worker || failed "$server: the worker failed"
      same 1 "$(field done)"
      same $length "$(tr -d ' ' <bodies)"
      same 0 "$(objects)"
    done
  done
  expect 0 fanfold queue stats mail --json
  same 0 "$(field visible)"
  same 0 "$(field in_flight)"
  stop_aws_server
done
echo "ok"
