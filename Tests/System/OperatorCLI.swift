import BuiltPrograms
import Foundation

/// Runs operator commands of `martlet` on one shop.
struct OperatorCLI: Sendable {
    let folder: String

    /// The output as text.
    func text(_ arguments: String...) throws -> String { try text(arguments) }

    func text(_ arguments: [String], input: String = "") throws -> String {
        String(decoding: try run(arguments, input).output, as: UTF8.self)
    }

    /// The output with `--json`, decoded.
    func json<Response: Decodable>(_ arguments: String..., as type: Response.Type = Response.self) throws -> Response {
        try json(arguments, as: type)
    }

    func json<Response: Decodable>(_ arguments: [String], as type: Response.Type = Response.self) throws -> Response {
        try JSONDecoder().decode(Response.self, from: try run(arguments + ["--json"], "").output)
    }

    /// Runs a command that must be refused with status 1; its error line.
    func refusal(_ arguments: String...) throws -> String { try refusal(arguments) }

    func refusal(_ arguments: [String]) throws -> String {
        let outcome = try martlet(arguments, "")
        guard outcome.status == 1, outcome.output.isEmpty else {
            throw RunningShop.Failure(what: "\(arguments) exited with \(outcome.status): \(outcome.text)")
        }
        return String(decoding: outcome.errors, as: UTF8.self)
    }

    private func run(_ arguments: [String], _ input: String) throws -> Program.Outcome {
        let outcome = try martlet(arguments, input)
        guard outcome.status == 0 else {
            throw RunningShop.Failure(what: "\(arguments) exited with \(outcome.status): \(outcome.text)")
        }
        return outcome
    }

    private func martlet(_ arguments: [String], _ input: String) throws -> Program.Outcome {
        try Programs.martlet.run(arguments, environment: ["MARTLET_DATA": folder], input: Data(input.utf8))
    }

    // MARK: Output of `--json`, as far as the tests use it

    struct ParkedKeys: Decodable {
        struct Key: Decodable {
            let service: String
            let group: String
            let topic: String
            let key: String
            let events: Int
            let isRedriving: Bool
        }
        let keys: [Key]
    }

    struct ParkedEvents: Decodable {
        let events: [ParkedEvent]
    }

    struct ParkedEvent: Decodable {
        let id: String
        let service: String
        let sequence: Int64
        let attempts: Int
        let error: String
        let body: String?
        let bodyBytes: String?
    }

    struct Groups: Decodable {
        struct Group: Decodable {
            let topic: String
            let group: String
            let published: Int
            let acknowledged: Int
            let lag: Int
        }
        let groups: [Group]
    }

    struct Runs: Decodable {
        let runs: [Run]
    }

    struct Run: Decodable {
        let id: String
        let service: String
        let workflow: String
        let state: String
        let error: String
        let wasForced: Bool
    }

    struct RunJournal: Decodable {
        struct Step: Decodable {
            let step: String
            let kind: String
            let state: String
        }
        let run: Run
        let steps: [Step]
    }

    struct Audit: Decodable {
        struct Act: Decodable {
            let service: String
            let who: String
            let act: String
            let target: String
            let why: String
            let before: String
            let after: String
        }
        let acts: [Act]
    }
}
