// STORE_CONTRACT("sentence", "[suite]") { ... } is one test case for every backend, named
// "backend: sentence", so that a failure names both and `make test T=memory` runs one backend.
// The body finds a fresh `store`.
#pragma once

#include <catch2/catch.hpp>
#include <list>

#include "backends.hpp"

namespace tradeguard::contract {

template <class UnderTest, class Backend>
class ForEachBackend {
 public:
  ForEachBackend(const std::vector<Backend>& backends, void (*body)(UnderTest&), const Catch::SourceLineInfo& where,
                 const char* sentence, const char* tags) {
    for (const Backend& backend : backends) {
      names_.push_back(backend.name + ": " + sentence);
      // The registry owns the invoker, as it owns those that TEST_CASE makes.
      registered_.emplace_back(new Invoker{backend, body}, where, Catch::StringRef{},
                               Catch::NameAndTags{names_.back(), tags});
    }
  }

 private:
  struct Invoker final : Catch::ITestInvoker {
    Invoker(const Backend& b, void (*f)(UnderTest&)) : backend{b}, body{f} {}
    void invoke() const override {
      const auto under_test = backend.fresh();
      body(*under_test);
    }
    const Backend& backend;
    void (*body)(UnderTest&);
  };
  std::list<std::string> names_;
  std::list<Catch::AutoReg> registered_;
};

}  // namespace tradeguard::contract

#define TRADEGUARD_CONTRACT(UnderTest, Backend, backends, name, body, sentence, tags)                                 \
  static void body(::tradeguard::contract::UnderTest& name);                                                          \
  static const ::tradeguard::contract::ForEachBackend<::tradeguard::contract::UnderTest,                              \
                                                      ::tradeguard::contract::Backend>                                \
      INTERNAL_CATCH_UNIQUE_NAME(for_each_backend){::tradeguard::contract::backends(), body, CATCH_INTERNAL_LINEINFO, \
                                                   sentence, tags};                                                   \
  static void body([[maybe_unused]] ::tradeguard::contract::UnderTest& name)

#define STORE_CONTRACT(sentence, tags)                                                                                 \
  TRADEGUARD_CONTRACT(StoreUnderTest, StoreBackend, store_backends, store, INTERNAL_CATCH_UNIQUE_NAME(store_contract), \
                      sentence, tags)

#define NOTIFIER_CONTRACT(sentence, tags)                                            \
  TRADEGUARD_CONTRACT(NotifierUnderTest, NotifierBackend, notifier_backends, reader, \
                      INTERNAL_CATCH_UNIQUE_NAME(notifier_contract), sentence, tags)
