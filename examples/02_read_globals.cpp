// Data that all tasks of a cluster share. Nothing is fetched before it is asked for.
#include <fanfold/fanfold.hpp>
#include <fanfold/json.hpp>

#include <iostream>

struct Body {
  std::string data;
  double moreData;
};
struct MetaData {
  std::string stuff;
};
struct Person {
  std::string firstName, lastName;
};
using Globals = std::vector<Person>;
BOOST_DESCRIBE_STRUCT(Body, (), (data, moreData))
BOOST_DESCRIBE_STRUCT(MetaData, (), (stuff))
BOOST_DESCRIBE_STRUCT(Person, (), (firstName, lastName))

void process_message(const fanfold::Client& client, const fanfold::SqsRecord& record) {
  const auto message = client.read_sqs_record<Body, MetaData, Globals>(record).value();

  if (message.task) {
    const auto message_cluster = message.message_cluster(fanfold::Consistency::strong).value();
    const auto globals = message_cluster.globals().value();  // The global store is read here and only here.
    std::cout << "through the cluster: " << globals.front().firstName << "\n";

    const auto direct = message.globals().value();                  // The same, without the cluster's record:
    std::cout << "directly: " << direct.front().firstName << "\n";  // the message carries the bucket params.
  }
}

int main() {
  const auto client = fanfold::open("02.db").value();
  client.create_message_cluster("samples", std::vector<Body>{{"one", 1}}, {.globals = Globals{{"Ada", "Lovelace"}}})
      .value();

  for (const auto& record : client.receive("samples").value()) process_message(client, record);
}
