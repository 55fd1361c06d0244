import Foundation
import MartletContract
import MartletCore
import SwiftProtobuf
import Testing

@Suite("The rules of a message")
struct RuleCheckTests {
    /// Keeps every rule.
    static let good = Parcel.with {
        $0.items = [
            Item.with {
                $0.name = "cup"; $0.quantity = 1
            }
        ]
        $0.size = .small
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let field: String
        let rule: String
        let change: @Sendable (inout Parcel) -> Void

        var testDescription: String { "\(field) \(rule)" }
    }

    static let broken = [
        Broken(field: "items", rule: "is required") { $0.items = [] },
        Broken(field: "items", rule: "must have at most 3 items") {
            $0.items += [$0.items[0], $0.items[0], $0.items[0]]
        },
        Broken(field: "items[0].quantity", rule: "must be 1 to 1000") { $0.items[0].quantity = 0 },
        Broken(field: "items[0].quantity", rule: "must be 1 to 1000") { $0.items[0].quantity = 1001 },
        Broken(field: "items[0].name", rule: "must have at most 20 characters") {
            $0.items[0].name = String(repeating: "é", count: 21)
        },
        Broken(field: "items[0].inner[0].name", rule: "is required") {
            $0.items[0].inner = [Item.with { $0.quantity = 1 }]
        },
        Broken(field: "size", rule: "is required") { $0.size = .unspecified },
        Broken(field: "size", rule: "has no value 9") { $0.size = .UNRECOGNIZED(9) },
        Broken(field: "sizes[1]", rule: "has no value 9") { $0.sizes = [.small, .UNRECOGNIZED(9)] },
        Broken(field: "note", rule: "must have at least 2 characters") { $0.note = "a" },
        Broken(field: "note", rule: "must have at most 5 characters") { $0.note = "abcdef" },
        Broken(field: "person", rule: "must have at most 10 characters") { $0.person = "Maximilian the first" },
        Broken(field: "machine.name", rule: "is required") { $0.machine = Item.with { $0.quantity = 1 } },
        Broken(field: "seal", rule: "must have at most 4 bytes") { $0.seal = .init([1, 2, 3, 4, 5]) },
        Broken(field: "worth", rule: "must be -5 to 9000000000") { $0.worth = -6 },
        Broken(field: "worth", rule: "must be -5 to 9000000000") { $0.worth = 9_000_000_001 },
        Broken(field: "weight", rule: "must be at most 100") { $0.weight = 100.5 },
        Broken(field: "weight", rule: "must be a finite number") { $0.weight = .nan },
        Broken(field: "labels", rule: "must have at most 2 items") { $0.labels = ["a", "b", "c"] },
        Broken(field: "labels[1]", rule: "must have at most 3 characters") { $0.labels = ["a", "long"] },
    ]

    @Test("are kept by a good message")
    func kept() throws {
        try Self.good.checkRules()
    }

    @Test("name what is broken, at its path", arguments: broken)
    func names(_ broken: Broken) {
        var parcel = Self.good
        broken.change(&parcel)
        var violations: [FieldViolation] = []
        parcel.check(&violations, at: "")
        #expect(violations == [FieldViolation(field: broken.field, rule: broken.rule)])
    }

    @Test("hold at their limits", arguments: [1, 1000] as [UInt32])
    func limits(_ quantity: UInt32) throws {
        var parcel = Self.good
        parcel.items[0].quantity = quantity
        parcel.worth = -5
        parcel.weight = 100
        parcel.note = "ab"
        parcel.seal = .init([1, 2, 3, 4])
        parcel.labels = ["abc", "def"]
        try parcel.checkRules()
    }

    @Test("allow a field that may be absent to be absent")
    func absent() throws {
        var parcel = Self.good
        parcel.clearNote()
        parcel.person = ""
        try parcel.checkRules()
    }

    @Test("name no more than the limit")
    func many() {
        var check = RuleCheck(at: "all")
        for index in 0..<50 { check.text("field\(index)", "", FieldRule(required: true)) }
        #expect(check.violations.count == RuleCheck.violationsLimit)
        #expect(check.violations.first?.field == "all.field0")
    }
}
