/// The output of `martlet replay --json`, as far as the tests use it.
struct ReplayOutcome: Decodable {
    struct Check: Decodable, CustomStringConvertible {
        let what: String
        let expected: String
        let found: String

        var description: String { "\(what): expected \(expected), found \(found)" }
    }

    struct Rejections: Decodable, Equatable {
        let by: String
        let reason: String
        let orders: Int
    }

    let orders: Int
    let newOrders: Int
    let rejections: [Rejections]
    let figuresOrigin: String
    let checks: [Check]
    let holds: Bool

    var differences: [Check] { checks.filter { $0.expected != $0.found } }
}
