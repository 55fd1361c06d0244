import MartletCore
import MartletSQL
import MartletTesting
import Testing

@Suite("SQL notifications")
struct SQLNotificationsTests {
    let listeners = SQLListeners()
    let time = ManualTime()
    let mail = SQLChannel("mail")
    let news = SQLChannel("news")

    @Test("a listener gets what was notified since its last wait, of its channels only")
    func channels() async throws {
        let notifications = listeners.listen(to: [mail])
        listeners.notify([mail, news])
        listeners.notify([mail])
        #expect(try await notifications.next(until: time.now, time) == [mail])
        #expect(try await notifications.next(until: time.now, time) == [])
        listeners.notify([news])
        #expect(try await notifications.next(until: time.now, time) == [])
    }

    @Test("wakes a waiting listener")
    func wakes() async throws {
        let (listeners, time, mail) = (listeners, time, mail)
        let notifications = listeners.listen(to: [mail])
        async let notified = notifications.next(until: time.now + .seconds(60), time)
        await time.waitForSleepers()
        listeners.notify([mail])
        #expect(try await notified == [mail])
    }

    @Test("after a broken connection, each listener is notified of its channels")
    func all() async throws {
        let notifications = [listeners.listen(to: [mail]), listeners.listen(to: [mail, news])]
        listeners.notifyAll()
        #expect(try await notifications[0].next(until: time.now, time) == [mail])
        #expect(try await notifications[1].next(until: time.now, time) == [mail, news])
    }

    @Test("is not notified before it listens, nor after its close; a repeated close does nothing")
    func close() async throws {
        listeners.notify([mail])
        let notifications = listeners.listen(to: [mail])
        #expect(try await notifications.next(until: time.now, time) == [])
        for _ in 0..<2 { notifications.close() }
        listeners.notify([mail])
        #expect(try await notifications.next(until: time.now, time) == [])
    }

    @Test("a cancelled wait throws")
    func cancelled() async throws {
        let (listeners, time, mail) = (listeners, time, mail)
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await listeners.listen(to: [mail]).next(until: nil, time) }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
