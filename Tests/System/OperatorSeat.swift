import BuiltPrograms
import Foundation

/// An operator of one shop, at the command line.
struct OperatorSeat: Sendable {
    let folder: String

    /// What a person reads.
    func text(_ arguments: String...) throws -> String { try text(arguments) }

    func text(_ arguments: [String], input: String = "") throws -> String {
        String(decoding: try run(arguments, input).output, as: UTF8.self)
    }

    /// What a script reads: `--json` is added.
    func json<Answer: Decodable>(_ arguments: String..., as type: Answer.Type = Answer.self) throws -> Answer {
        try json(arguments, as: type)
    }

    func json<Answer: Decodable>(_ arguments: [String], as type: Answer.Type = Answer.self) throws -> Answer {
        try JSONDecoder().decode(Answer.self, from: try run(arguments + ["--json"], "").output)
    }

    /// Asks for what must be refused with status 1; the line that says why.
    func refusal(_ arguments: String...) throws -> String { try refusal(arguments) }

    func refusal(_ arguments: [String]) throws -> String {
        let ended = try martlet(arguments, "")
        guard ended.status == 1, ended.output.isEmpty else {
            throw RunningShop.Broken(what: "\(arguments) ended with \(ended.status): \(ended.words)")
        }
        return String(decoding: ended.errors, as: UTF8.self)
    }

    private func run(_ arguments: [String], _ input: String) throws -> Program.Ended {
        let ended = try martlet(arguments, input)
        guard ended.status == 0 else {
            throw RunningShop.Broken(what: "\(arguments) ended with \(ended.status): \(ended.words)")
        }
        return ended
    }

    private func martlet(_ arguments: [String], _ input: String) throws -> Program.Ended {
        try Programs.martlet.run(arguments, environment: ["MARTLET_DATA": folder], input: Data(input.utf8))
    }

    // MARK: What `--json` prints, as far as the tests look

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
