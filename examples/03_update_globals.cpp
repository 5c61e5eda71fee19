// Updating the globals by value and by function. No update is lost, however many workers write at once.
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
  const auto message_record = message.message_record().value();

  // Perform a total rewrite of the global store.
  client.update_cluster_globals({message_record.p_key, message_record.r_key}, Globals{{"John", "Doe"}}).value();

  // Perform an insert of data to the global store. The function may run again if somebody else wrote in between.
  client
      .update_cluster_globals(message_record.p_key,
                              [](Globals globals) {
                                globals.push_back({"John", "Doe"});
                                return globals;
                              })
      .value();

  std::cout << message.globals().value().size() << " people\n";
}

int main() {
  const auto client = fanfold::open("03.db").value();
  client.create_message_cluster("samples", std::vector<Body>{{"one", 1}}, {.globals = Globals{}}).value();

  for (const auto& record : client.receive("samples").value()) process_message(client, record);
}
