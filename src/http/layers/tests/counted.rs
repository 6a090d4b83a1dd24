//! What the layers count.

use super::*;
use crate::observe::Moment;

/// FAULTS 34. As Prometheus reads it.
#[tokio::test]
async fn a_panic_is_counted_where_figures_are_read_and_the_node_goes_on() {
    let observer = Observer::default();
    let figures = observer.clone();
    let text = move || {
        let moment = Moment {
            connections: 0,
            idle: 0,
            waiting: 0,
            leases: 0,
            files_max: 0,
            checks: vec![],
        };
        std::future::ready(figures.figures().text(&moment).expect("figures"))
    };
    let routes = Router::new()
        .route("/panic", get(panics))
        .route("/metrics", get(text));
    let router = around(routes, &[], observer);
    let ask = async |path: &str| {
        let router = router.clone();
        exchange(router, &format!("GET {path} HTTP/1.1\r\n"), 0).await
    };

    let before = ask("/metrics").await;
    let panicked = [ask("/panic").await, ask("/panic").await];
    let after = ask("/metrics").await;

    assert!(before.contains("\npresence_panics_total 0\n"), "{before}");
    for answer in panicked {
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        assert!(!answer.contains("secret"), "{answer}");
    }
    assert!(after.starts_with("HTTP/1.1 200 "), "{after}");
    assert!(after.contains("\npresence_panics_total 2\n"), "{after}");
}
