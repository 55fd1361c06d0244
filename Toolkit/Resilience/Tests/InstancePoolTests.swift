import MartletCore
import MartletDiscovery
import Testing

@testable import MartletResilience

@Suite("Instances of a service")
struct InstancePoolTests {
    var pool = InstancePool(.betweenServices) { _ in true }
    let start = Moment(nanoseconds: 0)

    private static func instances(_ ids: String...) -> [Instance] {
        ids.map { Instance(id: $0, http: nil, grpc: Address(host: $0, port: 1), operate: nil) }
    }

    /// Chooses with the lowest random numbers: the first two candidates are compared.
    private mutating func choose(
        _ kind: MethodClass = .reads,
        except tried: [Int] = [],
        after wait: Duration = .zero
    ) -> InstancePool.Choice? {
        let selection = pool.choose(for: kind, except: tried, at: start + wait) { _ in 0 }
        guard case .chosen(let choice) = selection else { return nil }
        return choice
    }

    /// Fails calls of an instance, one after another.
    private mutating func fail(
        _ id: String,
        times count: Int,
        of kind: MethodClass = .reads,
        after wait: Duration = .zero
    ) {
        for _ in 0..<count {
            var tried: [Int] = []
            while let choice = choose(kind, except: tried, after: wait) {
                if choice.instance.id == id {
                    pool.failed(choice, .failure, at: start + wait)
                    break
                }
                // Not a call: its end is not counted.
                pool.failed(choice, .ignored, at: start + wait)
                tried.append(choice.number)
            }
        }
    }

    @Test("of two instances at random, the one with fewer calls gets the next")
    mutating func fewerCalls() throws {
        pool.update(Self.instances("a", "b", "c"))
        let first = try #require(choose())
        #expect(first.instance.id == "a")
        #expect(choose()?.instance.id == "b")
        // Both have one: the first that was drawn.
        #expect(choose()?.instance.id == "a")
        pool.succeeded(first, at: start)
        #expect(choose()?.instance.id == "a")
    }

    @Test("every instance can be drawn, and is never compared with itself")
    mutating func everyPair() {
        pool.update(Self.instances("a", "b", "c"))
        var pairs: Set<[Int]> = []
        for first in 0..<3 {
            for second in 0..<2 {
                var draws = [first, second]
                let before = pool
                let selection = pool.choose(for: .reads, at: start) { bound in
                    #expect(bound == draws.count + 1)
                    return draws.removeFirst()
                }
                guard case .chosen(let choice) = selection else {
                    Issue.record("no choice")
                    continue
                }
                pairs.insert([first, second, choice.number])
                pool = before
            }
        }
        #expect(pairs.count == 6)
        #expect(Set(pairs.map { $0[2] }).count == 3)
    }

    @Test("no instance is chosen twice for one call; without one there is none")
    mutating func tried() throws {
        #expect(choose() == nil)
        pool.update(Self.instances("a", "b"))
        let first = try #require(choose())
        let second = try #require(choose(except: [first.number]))
        #expect(second.instance != first.instance)
        #expect(choose(except: [first.number, second.number]) == nil)
    }

    @Test("an instance that keeps failing is left out until its time ends, also while others fail")
    mutating func ejected() {
        pool.update(Self.instances("a", "b", "c"))
        fail("a", times: 5)
        #expect(pool.ejected(at: start).count == 1)
        for _ in 1...20 { #expect(choose()?.instance.id != "a") }
        let ids = (1...20).map { _ in choose(after: .seconds(1))?.instance.id }
        #expect(ids.contains("a"))
    }

    @Test("never all instances are left out, and at most half of them", arguments: [1, 2, 3, 4, 5])
    mutating func share(count: Int) {
        let ids = ["a", "b", "c", "d", "e"].prefix(count)
        pool.update(ids.flatMap { Self.instances($0) })
        for id in ids { fail(id, times: 5) }
        #expect(pool.ejected(at: start).count == count / 2)
        #expect(choose() != nil)
        // Fewer of them are listed now.
        pool.update(Self.instances("a"))
        #expect(pool.ejected(at: start).isEmpty)
        #expect(choose()?.instance.id == "a")
    }

    @Test("a call that no other instance has taken goes to one that is left out")
    mutating func lastResort() throws {
        pool.update(Self.instances("a", "b"))
        fail("a", times: 5)
        let other = try #require(choose())
        #expect(other.instance.id == "b")
        #expect(choose(except: [other.number])?.instance.id == "a")
    }

    @Test("a class of methods that keeps failing at all instances is refused, and no other class")
    mutating func circuits() {
        pool.update(Self.instances("a"))
        fail("a", times: 10, of: .writes)
        #expect(choose(.writes) == nil)
        guard case .refused(let wait) = pool.choose(for: .writes, at: start, random: { _ in 0 }) else {
            Issue.record("the circuit is closed")
            return
        }
        #expect(wait == .seconds(1))
        #expect(pool.refusesCalls)
        #expect(choose(.reads) != nil)
        // One probe.
        #expect(choose(.writes, after: .seconds(1)) != nil)
        #expect(choose(.writes, after: .seconds(1)) == nil)
    }

    @Test("what is known of an instance is kept while others come and go, and forgotten with its address")
    mutating func changes() {
        pool.update(Self.instances("a", "b"))
        fail("a", times: 5)
        pool.update(Self.instances("a", "b", "c"))
        #expect(pool.ejected(at: start).count == 1)
        let moved = Instance(id: "a", http: nil, grpc: Address(host: "a", port: 2), operate: nil)
        pool.update([moved] + Self.instances("b", "c"))
        #expect(pool.ejected(at: start).isEmpty)
    }
}
