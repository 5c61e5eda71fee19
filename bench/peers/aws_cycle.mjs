// Receive 10, claim and complete each, delete 10, send 10, with the AWS SDK for JavaScript; prints the microseconds of
// CPU time a message: first each call after the other, then the claims and the completions of ten messages at once.
//
// node aws_cycle.mjs ENDPOINT CYCLES
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import {
  DeleteMessageBatchCommand, ReceiveMessageCommand, SendMessageBatchCommand, SQSClient,
} from "@aws-sdk/client-sqs";

const [endpoint, cycles] = [process.argv[2], Number(process.argv[3])];
const config = {
  region: "us-east-1", endpoint, maxAttempts: 1, credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
};
const sqs = new SQSClient({ ...config, md5: false }); // The server's answers are constant.
const dynamodb = new DynamoDBClient(config);
const QueueUrl = "http://127.0.0.1/000000000000/bench";
const body = `{"fanfold":1,"type":"TASK","body":"${"x".repeat(198)}"}`;
const [before, after] = [Buffer.from("0123456789abcdef"), Buffer.from("fedcba9876543210")];
const item = {
  TableName: "bench", Key: { pKey: { S: "c#bench#0.0.32" }, rKey: { S: "node" } },
  UpdateExpression: "SET #t = :new", ExpressionAttributeNames: { "#t": "t0" },
};
const claim = () => dynamodb.send(new UpdateItemCommand({
  ...item, ReturnValues: "NONE", ConditionExpression: "attribute_not_exists(#t)",
  ExpressionAttributeValues: { ":new": { B: before } },
}));
const complete = () => dynamodb.send(new UpdateItemCommand({
  ...item, ReturnValues: "ALL_NEW", ConditionExpression: "#t = :old",
  ExpressionAttributeValues: { ":new": { B: after }, ":old": { B: before } },
}));

async function cycle(together) {
  const { Messages: messages } = await sqs.send(new ReceiveMessageCommand({
    QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0, VisibilityTimeout: 30,
    MessageSystemAttributeNames: ["ApproximateReceiveCount", "SentTimestamp"],
  }));
  const each = async () => { await claim(); await complete(); };
  if (together) {
    await Promise.all(messages.map(each));
  } else {
    for (const _ of messages) await each();
  }
  const deleted = await sqs.send(new DeleteMessageBatchCommand({
    QueueUrl, Entries: messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle })),
  }));
  const sent = await sqs.send(new SendMessageBatchCommand({
    QueueUrl, Entries: messages.map((_, i) => ({ Id: `${i}`, MessageBody: body })),
  }));
  if (messages.length !== 10 || deleted.Successful.length !== 10 || sent.Successful.length !== 10) throw new Error("not ten");
}

async function microseconds(together) {
  for (let i = 0; i < 50; ++i) await cycle(together); // Until the compiler has seen it.
  const start = process.cpuUsage();
  for (let i = 0; i < cycles; ++i) await cycle(together);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / (10 * cycles);
}

console.log(Math.min(await microseconds(false), await microseconds(true)));
process.exit(0); // Connections are kept open.
