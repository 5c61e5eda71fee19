# What fanfold cost says, and what --max-cost refuses. Nothing here needs a server: an estimate asks nobody, and what is
# refused was not begun.
source "$SOURCE_DIR/tests/integration/support/checks.sh"
unset FANFOLD_STORE FANFOLD_TABLE FANFOLD_BUCKET FANFOLD_PRICES

# --- the estimate
expect 0 fanfold cost --tasks 1000000
says 'DynamoDB write units'
says ' for 1,000,000 tasks, in '
complains 'list prices of us-east-1'
expect 0 fanfold cost --tasks 1000000 --json
same 1000000 "$(field tasks)"
plain=$(field dollars)
expect 0 fanfold cost --tasks 1000000 --results --json
dearer=$(field dollars)
awk -v plain="$plain" -v dearer="$dearer" 'BEGIN { exit !(dearer - plain > 0.62 && dearer - plain < 0.63) }' ||
  failed "a result each is a write unit each: $plain, $dearer"
expect 0 fanfold cost --tasks 10 --workers 3 --jobs 8 --task-time 2s --result-bytes 30 --without-bucket
complains 'assumed: 3 workers of 8 jobs, 2s a task of 200 bytes, results of 30 bytes, no bucket'
complains "write units are the most it can be: neighbours that a worker's jobs take at the same moment share a write"
expect 2 fanfold cost
complains '--tasks is required, or a cluster'
expect 2 fanfold cost --tasks many
expect 2 fanfold cost --tasks 1 --together 11

# --- prices of one's own
printf 'source = "ours"\nsqs_request = 0\ndynamodb_write_unit = 1.0\ndynamodb_read_unit = 0\ns3_put = 0\ns3_get = 0\n' >prices.toml
expect 0 fanfold cost --tasks 1000000 --prices prices.toml --json
same ours "$(field prices)"
units=$(field write_units)
dollars=$(field dollars)
awk -v units="$units" -v dollars="$dollars" 'BEGIN { exit !(units / 1e6 - dollars < 0.0001 && dollars - units / 1e6 < 0.0001) }' ||
  failed "a dollar for a million units: $units, $dollars"
printf 'prices = "prices.toml"\n' >fanfold.toml
expect 0 fanfold cost --tasks 10 --json
same ours "$(field prices)"
rm fanfold.toml
expect 3 fanfold cost --tasks 1 --prices none.toml
complains "there is no file of prices 'none.toml'"
# refused LINE MESSAGE: of what is wrong in the third line of such a file, whatever follows.
refused() {
  printf '# ours\ns3_put = 4.50\n%s\ns3_get = 1\n' "$1" >wrong.toml
  expect 2 fanfold cost --tasks 1 --prices wrong.toml
  complains "fanfold: wrong.toml:3: $2"
}
refused 'sqs_requests = 0.4' "'sqs_requests': no such price; there are source, sqs_request,"
refused '[eu] ' "'eu.s3_get': no such price"
refused 'sqs_request = "cheap"' "sqs_request: expected dollars for a million, as 0.40, not 'cheap'"
refused 'sqs_request = -1' "sqs_request: expected dollars for a million, as 0.40, not '-1'"
refused 'sqs_request' "sqs_request: expected dollars for a million, as 0.40, not 'true'"
refused 'sqs_request = 0,36' 'sqs_request: expected one value'
refused 'source = "ours' 'source: its value begins with a quote and does not end with it'
refused 's3_put = 4.60' 's3_put is given more than once'
printf 's3_put = 4.50\nsqs_request = 1\ns3_put = 4.60\n' >wrong.toml
expect 2 fanfold cost --tasks 1 --prices wrong.toml
complains 'wrong.toml:3: s3_put is given more than once'
expect 2 fanfold cost --tasks 1 --prices .
complains '.: is no file'

# --- the limit; port 1 answers nobody
export AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
seq 1 10000 >tasks.txt
expect 4 fanfold --store aws cluster create --queue resize --tasks tasks.txt --max-cost 0.01
complains '10,000 tasks would cost about $0.01'
complains ', which is above --max-cost 0.01; nothing was written'
expect 5 fanfold --store aws cluster create --queue resize --tasks tasks.txt --max-cost 0.05
complains 'no connection'
expect 4 fanfold --store aws send --queue mail --tasks tasks.txt --max-cost 0.01
complains '10,000 messages would cost about'
expect 4 fanfold --store aws send --queue mail --max-cost 0.000001 hello
complains '1 message would cost about'
expect 4 fanfold --store aws run --tasks tasks.txt --max-cost 0.01 -- true
complains '10,000 tasks would cost about'
expect_with_input 4 fanfold --store aws run --max-cost 0.0000001 -- true '1\n2\n'
complains '2 tasks would cost about'
expect 2 fanfold --store aws run --tasks tasks.txt --max-cost cheap -- true
complains "'cheap' is no amount of dollars"
expect 2 fanfold --store aws run --tasks tasks.txt --max-cost -1 -- true

# What the limit cannot know it is told, and says: longer tasks are received one by one, and their leases extended.
expect 4 fanfold --store aws cluster create --queue resize --tasks tasks.txt --max-cost 0.05 --task-time 1m --workers 20
complains 'assumed: 20 workers of 1 job, 1m a task of '
expect 5 fanfold --store aws cluster create --queue resize --tasks tasks.txt --max-cost 0.05 --task-time 5ms
complains '10,000 tasks would cost about'
complains '5ms a task of '

# --- a cluster says the rest: its tasks, what they hold and printed, its retries, failures and rounds
seq 20 >twenty.txt
expect 1 fanfold --store jobs.db run --name costly --tasks twenty.txt --jobs 1 --retries 1 -- sh -c 'echo "$1"; [ "$1" != 7 ]' - '{task}'
expect 0 fanfold --store jobs.db cost costly
says '$0.00'
says 'costly: 20 tasks, 20 of them ended, 1 retry, 1 failed'
says 'it is in a file, where nothing costs anything'
says 'and $0 to come'
complains 'results of '
complains ' printed'
once=$(fanfold --store jobs.db cost costly --json | sed 's/.*"dollars":\([^,]*\).*/\1/')
expect 0 fanfold --store jobs.db cluster retry costly
expect 0 fanfold --store jobs.db cost costly --json
same '20 19 1 1' "$(field tasks) $(field ended) $(field rounds) $(field round_tasks)"
awk -v once="$once" -v more="$(field dollars)" -v left="$(field dollars_to_come)" 'BEGIN { exit !(more > once && left > 0 && left < more) }' ||
  failed "a round costs more than none: $once, $(cat out)"
expect 0 fanfold --store jobs.db cluster create --queue later --tasks tasks.txt --name later
expect 0 fanfold --store jobs.db cost later --json
awk -v whole="$(field dollars)" -v left="$(field dollars_to_come)" 'BEGIN { exit !(left > whole / 2 && left < whole) }' ||
  failed "nothing of it was done: $(cat out)"
expect 2 fanfold --store jobs.db cost costly --tasks 3
expect 3 fanfold --store jobs.db cost nothing

# --- on a file nothing costs anything
expect 0 fanfold --store jobs.db cluster create --queue resize --tasks tasks.txt --max-cost 0
echo "ok"
