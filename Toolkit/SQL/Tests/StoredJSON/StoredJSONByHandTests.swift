import Foundation
import Testing

@testable import MartletSQL

@Suite("Stored JSON of types that are coded by hand")
struct StoredJSONByHandTests {
    @Test("superclasses")
    func classes() {
        expectFoundations(Derived())
        expectFoundations([Derived()])
        expectFoundations(Merged())
        expectFoundations(["x": Merged()])
        expectFoundations(Derived.self, from: #"{"own":"y"}"#)
        expectFoundations(Merged.self, from: #"{"own":"y"}"#)
    }

    @Test("containers within containers, also in turns")
    func nested() {
        let write: (any Encoder, Bool) throws -> Void = { encoder, inTurns in
            var outer = encoder.container(keyedBy: AnyKey.self)
            var first = outer.nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey("z"))
            try first.encode(1, forKey: AnyKey("one"))
            var list = outer.nestedUnkeyedContainer(forKey: AnyKey("a"))
            try list.encode("x")
            if inTurns { try first.encode(2, forKey: AnyKey("two")) }
            var deep = list.nestedContainer(keyedBy: AnyKey.self)
            try deep.encodeNil(forKey: AnyKey("n"))
            var deeper = list.nestedUnkeyedContainer()
            try deeper.encode([1, 2])
            if inTurns { try outer.encode(3, forKey: AnyKey("m")) }
            if inTurns { try list.encode(true) }
        }
        expectFoundations(ByHand { try write($0, false) })
        expectFoundations(ByHand { try write($0, true) })
        expectFoundations([ByHand { try write($0, true) }, ByHand { try write($0, false) }])
        #expect(OnePass.writes(ByHand { try write($0, false) }))
        #expect(!OnePass.writes(ByHand { try write($0, true) }))
    }

    @Test("a container that is left empty, opened again, or replaced")
    func again() {
        expectFoundations(ByHand { _ in })
        expectFoundations([ByHand { _ in }])
        expectFoundations(["x": ByHand { _ in }])
        expectFoundations(ByHand { _ = $0.unkeyedContainer() })
        expectFoundations(
            ByHand { encoder in
                for number in 0..<3 {
                    var container = encoder.container(keyedBy: AnyKey.self)
                    try container.encode(number, forKey: AnyKey("n\(2 - number)"))
                }
            }
        )
        expectFoundations(
            ByHand { encoder in
                for number in 0..<3 {
                    var container = encoder.unkeyedContainer()
                    try container.encode(number + container.count)
                }
            }
        )
        expectFoundations(
            ByHand { encoder in
                var single = encoder.singleValueContainer()
                try single.encode(["a": 1])
                var container = encoder.container(keyedBy: AnyKey.self)
                try container.encode(2, forKey: AnyKey("b"))
            }
        )
        expectFoundations(
            ByHand { encoder in
                var container = encoder.container(keyedBy: AnyKey.self)
                try container.encode(["x": 1], forKey: AnyKey("a"))
                var nested = container.nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey("a"))
                try nested.encode(2, forKey: AnyKey("y"))
            }
        )
        expectFoundations(
            ByHand { encoder in
                var container = encoder.container(keyedBy: AnyKey.self)
                try container.encode(1, forKey: AnyKey("a"))
                try container.encode(2, forKey: AnyKey("a"))
            }
        )
        expectFoundations(
            ByHand { encoder in
                var single = encoder.singleValueContainer()
                try single.encode(ByHand { _ in })
            }
        )
    }

    @Test("an error that the value ignores")
    func ignored() {
        expectFoundations(
            ByHand { encoder in
                var container = encoder.container(keyedBy: AnyKey.self)
                try? container.encode(Double.nan, forKey: AnyKey("nan"))
                try? container.encode(["x": Double.nan], forKey: AnyKey("also"))
                try container.encode(1, forKey: AnyKey("a"))
            }
        )
        expectFoundations(
            ByHand { encoder in
                var container = encoder.container(keyedBy: AnyKey.self)
                let half = ByHand { encoder in
                    var nested = encoder.container(keyedBy: AnyKey.self)
                    try nested.encode(1, forKey: AnyKey("half"))
                    throw CancellationError()
                }
                try? container.encode(half, forKey: AnyKey("lost"))
                try container.encode(1, forKey: AnyKey("a"))
            }
        )
        for text in ["1", #""x""#, "[1,[2,\"x\"],true]", "null", "{}", "1.0", "1.5"] {
            expectFoundations(Loose.self, from: text)
        }
        for text in ["[]", "[1,2]", "[1,null,2]", "[1,\"x\",2]", "[null]", "{}"] {
            expectFoundations(Counted.self, from: text)
        }
    }

    @Test("errors have the path at which they happened")
    func errors() throws {
        expectFoundations([String: [Even]].self, from: #"{"a":[{"x":1}]}"#)
        expectFoundations([String: [Even]].self, from: #"{"a":[2,3]}"#)
        expectFoundations([Path].self, from: "[1,2]")
        expectFoundations([[Path()], [Path()]])
        expectFoundations(["k": [Path()]])
        let error = #expect(throws: DecodingError.self) {
            try StoredJSON.value([String: [Even]].self, from: #"{"a":[2,3]}"#)
        }
        guard case .dataCorrupted(let context) = try #require(error) else { throw try #require(error) }
        #expect(context.codingPath.map(\.stringValue) == ["a", "Index 1"])
    }

    @Test("a decoder that is used after the value was read")
    func late() throws {
        expectFoundations([Late].self, from: "[1,2]")
        expectFoundations([Late].self, from: #"[1,"x"]"#)
    }
}
