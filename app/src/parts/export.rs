//! Pictures and files out of a panel.

use js_sys::Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, HtmlAnchorElement, HtmlCanvasElement,
    HtmlImageElement, Url,
};

use crate::parts::dom::{document, window};

/// Offers a file to the visitor.
pub fn save(file_name: &str, kind: &str, data: &JsValue) {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    if let Ok(blob) = Blob::new_with_u8_array_sequence_and_options(&Array::of1(data), &options) {
        save_blob(file_name, &blob);
    }
}

/// Offers a text file.
pub fn save_text(file_name: &str, kind: &str, text: &str) {
    save(file_name, kind, &text.into());
}

fn save_blob(file_name: &str, blob: &Blob) {
    let Ok(url) = Url::create_object_url_with_blob(blob) else { return };
    let link = document().create_element("a").ok().and_then(|a| a.dyn_into().ok());
    if let Some(link) = link {
        let link: HtmlAnchorElement = link;
        link.set_href(&url);
        link.set_download(file_name);
        link.click();
    }
    // The download has taken the blob by then.
    let revoke = Closure::once_into_js(move || {
        let _ = Url::revoke_object_url(&url);
    });
    let _ = window()
        .set_timeout_with_callback_and_timeout_and_arguments_0(revoke.unchecked_ref(), 10_000);
}

/// Offers a canvas as PNG. It is copied first: a canvas that a worker paints cannot be read, but
/// can be drawn.
pub fn save_canvas(file_name: &str, canvas: &HtmlCanvasElement) {
    let Some((copy, context)) = new_canvas(canvas.width(), canvas.height()) else { return };
    if context.draw_image_with_html_canvas_element(canvas, 0.0, 0.0).is_ok() {
        save_png(file_name, &copy);
    }
}

/// Offers an SVG picture as PNG, at twice its size.
pub fn save_svg_as_png(file_name: &str, svg: &str, width: f64, height: f64) {
    let options = BlobPropertyBag::new();
    options.set_type("image/svg+xml");
    let parts = Array::of1(&svg.into());
    let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &options) else { return };
    let Ok(url) = Url::create_object_url_with_blob(&blob) else { return };
    let Ok(image) = HtmlImageElement::new() else { return };
    let (file_name, shown) = (file_name.to_owned(), image.clone());
    let address = url.clone();
    let on_load = Closure::once_into_js(move || {
        if let Some((canvas, context)) = new_canvas((width * 2.0) as u32, (height * 2.0) as u32) {
            let (w, h) = (width * 2.0, height * 2.0);
            let drawn =
                context.draw_image_with_html_image_element_and_dw_and_dh(&shown, 0.0, 0.0, w, h);
            if drawn.is_ok() {
                save_png(&file_name, &canvas);
            }
        }
        let _ = Url::revoke_object_url(&address);
    });
    image.set_onload(Some(on_load.unchecked_ref()));
    image.set_src(&url);
}

fn save_png(file_name: &str, canvas: &HtmlCanvasElement) {
    let file_name = file_name.to_owned();
    let on_blob = Closure::once_into_js(move |blob: JsValue| {
        if let Ok(blob) = blob.dyn_into::<Blob>() {
            save_blob(&file_name, &blob);
        }
    });
    let _ = canvas.to_blob(on_blob.unchecked_ref());
}

fn new_canvas(width: u32, height: u32) -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(width.max(1));
    canvas.set_height(height.max(1));
    let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    Some((canvas, context))
}

/// Puts text on the clipboard, where the browser lets a page do so.
pub fn copy(text: &str) -> bool {
    let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into());
    if clipboard.is_ok_and(|clipboard| clipboard.is_undefined()) {
        return false;
    }
    let _ = window().navigator().clipboard().write_text(text);
    true
}
