# The templates of deploy/ are such as CloudFormation takes; fanfold.yaml agrees with what setup makes, and some policy of it permits every operation
# that the sources call: a new operation without a permission fails here. Which policy permits what: deploy_policies_test.sh.
set -euo pipefail
template=$SOURCE_DIR/deploy/fanfold.yaml
failed() { echo "FAILED: $*" >&2; exit 1; }

# Of operations that policies permit, the permission; "operator" for those that only set-up and administration call.
declare -A permission=(
  [GetItem]=dynamodb:GetItem [BatchGetItem]=dynamodb:BatchGetItem [Query]=dynamodb:Query [PutItem]=dynamodb:PutItem
  [UpdateItem]=dynamodb:UpdateItem [BatchWriteItem]=dynamodb:BatchWriteItem [TransactWriteItems]=dynamodb:PutItem
  [SendMessageBatch]=sqs:SendMessage [ReceiveMessage]=sqs:ReceiveMessage [DeleteMessageBatch]=sqs:DeleteMessage
  [ChangeMessageVisibilityBatch]=sqs:ChangeMessageVisibility [GetQueueUrl]=sqs:GetQueueUrl [GetQueueAttributes]=sqs:GetQueueAttributes
  [GetObject]=s3:GetObject [PutObject]=s3:PutObject [DeleteObject]=s3:DeleteObject
  [CreateTable]=operator [DescribeTable]=operator [DescribeTimeToLive]=operator [UpdateTimeToLive]=operator [CreateQueue]=operator
  [ListQueues]=operator [PurgeQueue]=operator [ListDeadLetterSourceQueues]=operator [StartMessageMoveTask]=operator
  [CreateBucket]=operator [HeadBucket]=operator [GetBucketLifecycleConfiguration]=operator [PutBucketLifecycleConfiguration]=operator)

# Words of the same form that are no operations: errors, members of requests, and a call of IAM Identity Center.
other=' BatchRequestTooLong Delete DeleteRequest GetRoleCredentials PurgeQueueInProgress Put PutRequest TransactItems
 TransactionCanceledException TransactionConflict TransactionConflictException TransactionInProgressException UpdateExpression '
mapfile -t called < <(find "$SOURCE_DIR/src/aws" "$SOURCE_DIR/src/backends/aws" -name '*.cpp' ! -name '*_test.cpp' -exec grep -hoE '"(BatchGet|BatchWrite|Change|Create|Delete|Describe|Get|Head|List|Purge|Put|Query|Receive|SendMessage|Start|Transact|Update)[A-Za-z]*"' {} + | tr -d '"' | sort -u)
[ ${#called[@]} -ge 25 ] || failed "only ${#called[@]} operations found in the sources"
for operation in "${called[@]}"; do
  [[ $other != *[[:space:]]$operation[[:space:]]* ]] || continue
  needed=${permission[$operation]:-}
  [ -n "$needed" ] || failed "$operation is called and no permission for it is known"
  [ "$needed" = operator ] || grep -q "'$needed'" "$template" || failed "$operation is called and no policy permits $needed"
done

setup=$SOURCE_DIR/src/backends/aws/setup.cpp
grep -q "payloads_kept_days = $(sed -n 's/.*Prefix: fanfold-payloads.*ExpirationInDays: \([0-9]*\).*/\1/p' "$template");" "$setup" || failed "payloads are kept otherwise by setup"
grep -q "pages_kept_days = $(sed -n 's/.*Prefix: SQSMessage.*ExpirationInDays: \([0-9]*\).*/\1/p' "$template");" "$setup" || failed "pages are kept otherwise by setup"

grep -q 'FunctionResponseTypes: \[ReportBatchItemFailures\]' "$SOURCE_DIR/deploy/lambda.yaml" || failed "Lambda would delete the messages that failed"

default_of() { sed -n "s/^  $1: .*Default: \([0-9]*\),.*/\1/p" "$SOURCE_DIR/deploy/$2"; }
visibility=$(default_of VisibilitySeconds fanfold.yaml) timeout=$(default_of TimeoutSeconds lambda.yaml)
[ "$visibility" -ge $((6 * timeout)) ] || failed "Lambda asks for a visibility of six times the timeout: $visibility s, $timeout s"

lint=$SOURCE_DIR/build/python/bin/cfn-lint
[ -x "$lint" ] || { echo "NOT RUN: there is no cfn-lint; ./dev test installs it into build/python" >&2; exit 77; }
"$lint" "$template" "$SOURCE_DIR/deploy/lambda.yaml" || failed "cfn-lint"
echo "ok"
