#include "testing_aws/faulty_call.hpp"

namespace fanfold::testing_aws {

using testing::Fault;
using testing::FaultyProcess;

namespace {

class FaultyObjects final : public aws::ObjectStore {
 public:
  FaultyObjects(ServicesInMemory& services, std::shared_ptr<FaultyProcess> process)
      : services_(services), process_(std::move(process)) {}

  std::vector<Result<aws::StoredObject>> get(std::span<const aws::ObjectRef> objects) override {
    std::vector<Result<aws::StoredObject>> answers;
    for (const aws::ObjectRef& object : objects) {
      answers.push_back(send(services_, *process_, "objects.get",
                             [&] { return std::move(services_.objects.get(std::span(&object, 1)).front()); }));
    }
    return answers;
  }

  Result<std::string> put(const aws::PutObject& object) override {
    constexpr std::string_view name = "objects.put";
    const bool is_conditional = object.if_absent || !object.if_match.empty();
    if (is_conditional && !process_->dead() && process_->plan().strikes(Fault::conflict, name))
      return Error{ErrorCode::conflict, "another conditional write is under way", {}};
    if (is_late(services_, *process_, name,
                [&objects = services_.objects, object] { static_cast<void>(objects.put(object).has_value()); }))
      return FaultyProcess::unavailable();
    bool was_made = false;
    return send(services_, *process_, name, [&]() -> Result<std::string> {
      auto answer = services_.objects.put(object);
      const bool is_refused =
          !answer && (answer.error().code == ErrorCode::conflict || answer.error().code == ErrorCode::not_found);
      // What refuses may be the earlier copy of this very request.
      if (is_refused && was_made) return Error{ErrorCode::outcome_unknown, answer.error().message, {}};
      was_made = true;
      return answer;
    });
  }

  Result<void> remove(const aws::ObjectRef& object) override {
    return send(services_, *process_, "objects.remove", [&] { return services_.objects.remove(object); });
  }

 private:
  ServicesInMemory& services_;
  std::shared_ptr<FaultyProcess> process_;  // Shared by the ports of one process.
};

}  // namespace

std::unique_ptr<aws::ObjectStore> make_faulty_objects(ServicesInMemory& services,
                                                      std::shared_ptr<FaultyProcess> process) {
  return std::make_unique<FaultyObjects>(services, std::move(process));
}

}  // namespace fanfold::testing_aws
