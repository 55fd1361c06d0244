import MartletCore
import Synchronization
import Testing

@Suite("Crash point observer")
struct CrashPointTests {
    @Test("receives the hits of its own task and of child tasks, and of no other task")
    func scope() async {
        let names = Names()
        await CrashPoints.$observer.withValue(CrashPoints.Observer(passed: { names.add($0) })) {
            crashPoint("test.parent")
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = crashPoint("test.child") }
            }
        }
        crashPoint("test.outside")
        #expect(names.all == ["test.parent", "test.child"])
    }

    @Test("stops the code only where `stops` returns true; without an observer the code continues")
    func stops() {
        let observer = CrashPoints.Observer(stops: { $0 == "test.second" })
        let stops = CrashPoints.$observer.withValue(observer) {
            [crashPoint("test.first"), crashPoint("test.second")]
        }
        #expect(stops == [false, true])
        let isolating = CrashPoints.Observer(passed: { _ in })
        let continues = CrashPoints.$observer.withValue(isolating) { crashPoint("test.second") }
        #expect(!continues)
        #expect(!crashPoint("test.second"))
    }

    private final class Names: Sendable {
        private let names = Mutex<[String]>([])
        var all: [String] { names.withLock { $0 } }
        func add(_ name: String) { names.withLock { $0.append(name) } }
    }
}
